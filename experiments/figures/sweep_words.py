"""What a figure of a sweep calls its axes, panels and curves."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..sweep.naming import name_field, telling
from ..sweep.reading import Dimension
from .style import RULE_LOOKS

LONGEST = 40
"""Characters of an array that is told whole."""


class Words(NamedTuple):
    """A field as it is told.

    Parameters
    ----------
    words
        In panels and legends.
    symbol, unit
        Beside these on an axis; "" where it has none.
    """

    words: str
    symbol: str = ""
    unit: str = ""

    @property
    def label(self) -> str:
        """What an axis is called."""
        return " ".join(part for part in (self.words, self.symbol, f"({self.unit})" if self.unit else "") if part)


# As other figures call them; a field of the same name is the same in every rule, landscape and noise.
WORDS = {
    "lr": Words("learning rate", "η"),
    "dt": Words("time step", "dt"),
    "weight_decay": Words("weight decay", "λ", "loss/θ²"),
    "beta0": Words("beta0", "β₀"),
    "beta1": Words("beta1", "β₁"),
    "beta2": Words("beta2", "β₂"),
    "beta3": Words("beta3", "β₃"),
    "eps": Words("eps", "ε"),
    "dampening": Words("dampening", "q"),
    "friction": Words("friction", "γ"),
    "mass": Words("mass", "M"),
    "convention": Words("convention", "α"),
    "curvature_min": Words("curvature of the minimum", "$H_a$", "loss/θ²"),
    "curvature_saddle": Words("curvature of the saddle", "$H_b$", "loss/θ²"),
    "curvature_far": Words("curvature of the far minimum", "$H_c$", "loss/θ²"),
    "curvatures": Words("curvatures", "h", "loss/θ²"),
    "transverse_min": Words("curvatures across the valley", "", "loss/θ²"),
    "transverse_saddle": Words("curvatures across the saddle", "", "loss/θ²"),
    "slopes": Words("slopes far out", "s", "loss/θ"),
    "barrier": Words("barrier", "ΔL", "loss"),
    "half_width": Words("half-width", "w", "θ"),
    "tilt": Words("tilt", "", "loss"),
    "dimension": Words("dimension", "d"),
    "variance": Words("noise variance", "", "loss²/θ²"),
    "covariance": Words("noise covariance", "C", "loss²/θ²"),
    "batch_size": Words("batch size", "B"),
    "floor": Words("floor of the curvature", "", "loss/θ²"),
    "trajectories": Words("trajectories", "N"),
    "repetitions": Words("repetitions", "R"),
    "trials": Words("trials a stage"),
    "steps": Words("steps", "T"),
    "exit": Words("exit along the way out", "", "θ"),
}


def words(name: str) -> Words:
    """Return how a field is told by its dotted name; a field without words of its own by its name."""
    key = name.rpartition(".")[2]
    if key == "name":
        return Words(name.partition(".")[0])
    return WORDS.get(key, Words(key.replace("_", " ")))


def told(axis: Dimension) -> list[str]:
    """Return what the figure calls each position of an axis: "batch size = 0.3", "Momentum, beta1 = 0.9"."""
    named = name_field(axis)
    parts = telling(axis)
    texts = {key: _numbers([fields.get(key) for _, fields in parts]) for key in axis.fields}
    found = []
    for k, (name, fields) in enumerate(parts):
        first = RULE_LOOKS[name].label if named == "rule.name" and name in RULE_LOOKS else name
        others = [f"{words(key).words} = {texts[key][k]}" for key in fields]
        found.append(", ".join(each for each in (first, *others) if each))
    if len(set(found)) < len(found):
        return [str(label) for label in axis.labels]
    return found


def _numbers(values: Sequence[Any]) -> list[str]:
    """Return values as texts, to four digits where these tell them apart."""
    for digits in (4, 6, 9):
        texts = [f"{value:.{digits}g}" if isinstance(value, float) else _word(value) for value in values]
        if len(set(texts)) == len(set(map(str, values))):
            return texts
    return [_word(value) for value in values]


def _word(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
