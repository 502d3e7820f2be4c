"""The rules that a figure of several compares, named in one option."""

from typing import Any

RULES = ("sgd", "momentum", "adam", "adai")


def rules_of(words: str, lr: float, lr_adam: float, beta1: float, beta0: float) -> dict[str, Any]:
    """Return name -> rule, checked, in the order in which they are named.

    Parameters
    ----------
    words
        Some of RULES with commas between.
    lr
        Learning rate of all but Adam.
    lr_adam
        Learning rate of Adam, whose steps do not grow with the gradient.
    beta1
        Of Momentum, which averages (beta3 = 1 - beta1), and of Adam.
    beta0
        Of Adai.

    Raises
    ------
    ValueError, TypeError
        Where a name is unknown or a number out of bounds.
    """
    from ...dynamics.adai import Adai
    from ...dynamics.adam import Adam
    from ...dynamics.momentum import Momentum
    from ...dynamics.sgd import SGD
    from ..refusals import nearest, one_of

    known: dict[str, Any] = {
        "sgd": SGD(lr),
        "momentum": Momentum(lr, beta1, 1.0 - beta1),
        "adam": Adam(lr_adam, beta1),
        "adai": Adai(lr, beta0),
    }
    names = dict.fromkeys(word.strip() for word in words.split(","))
    for name in names:
        if name not in known:
            raise ValueError(f"rules={words}: there is no {name!r} here{nearest(name, RULES, one_of(RULES))}")
    return {name: known[name].check() for name in names}
