"""What is said of an escape experiment as plain values, by whichever method it was done."""

from typing import Any

import numpy as np

from .. import __version__
from .fields import plain


def summary(result: Any, own: dict[str, Any]) -> dict[str, Any]:
    """Return everything as one plain object; what is infinite or undefined is null.

    Parameters
    ----------
    result
        EscapeResult or RareEscapeResult.
    own
        What only its method has to say.
    """
    times, configuration = result.times, result.configuration
    low, high = times.interval(0.95)
    return dict(
        plain(
            {
                **{kind: configuration[kind]["name"] for kind in ("rule", "landscape", "noise")},
                "method": configuration["run"].get("method", "direct"),
                "method_chosen_because": result.because or None,
                "seed": times.seed,
                **own,
                "total_steps": times.total_steps,
                "mean": times.mean,
                "low": low,
                "high": high,
                "mean_steps": times.mean_steps,
                "time_step": times.time_step,
                "references": {name: reference_told(each, times.mean) for name, each in result.references.items()},
                "regime": result.regime,
                "verdict": result.verdict.outcome,
                "verdict_detail": result.verdict.detail,
                "interrupted": times.interrupted,
                "seconds": times.seconds,
                "version": __version__,
                "digest": times.digest(),
                "configuration": configuration,
            }
        )
    )


def reference_told(reference: Any, measured: float | None = None) -> dict[str, Any]:
    """Return a reference as an object, with what was measured over it where that is given."""
    if reference.value is None:
        return {"value": None, "reason": reference.reason}
    ratio = {} if measured is None else {"ratio": np.divide(measured, reference.value)}
    said = {"error": reference.error, "source": reference.source, "reason": reference.reason}
    return {"value": reference.value} | ratio | said


def references_read(told: dict[str, Any], step: float) -> dict[str, Any]:
    """Return the references that a summary tells, with the dynamical time of a step."""
    from ..theory.reference import Reference

    return {
        name: Reference(each["value"], each.get("source", ""), each["reason"], each.get("error"), step)
        for name, each in told.items()
    }
