import itertools
from typing import Any

import numpy as np
import pytest
import sympy as sp
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.equation_3 import F, G, G_other, m
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H, eta

DERIVED = derivation("equation-3")


@pytest.mark.parametrize("replacement", [True, False])
def test_covariance_by_counting_every_batch(replacement: bool) -> None:
    # Four samples with gradients in two directions, batches of three: all of them, one by one.
    one, other = sp.symbols("a0:4 b0:4", real=True)[:4], sp.symbols("b0:4", real=True)
    if replacement:
        batches = list(itertools.product(range(4), repeat=3))
    else:
        batches = list(itertools.combinations(range(4), 3))
    means = [(sum(one[j] for j in b) / 3, sum(other[j] for j in b) / 3) for b in batches]

    def average(values: Any) -> Any:
        listed = list(values)
        return sum(listed) / len(listed)

    exact = average(p * q for p, q in means) - average(p for p, _ in means) * average(q for _, q in means)
    form = DERIVED.form("covariance" if replacement else "covariance_without_replacement").expression
    at = {F: average(p * q for p, q in zip(one, other, strict=True)), G: average(one), G_other: average(other)}
    assert vanishes(sp.expand(form.subs({B: 3, m: 4}).subs(at) - exact))
    assert not vanishes(sp.expand(form.subs({B: 2, m: 4}).subs(at) - exact))


def test_derivation_ends_in_the_printed_formulas() -> None:
    assert vanishes(DERIVED.form("near_critical").expression - sp.Abs(H) / B)
    assert vanishes(DERIVED.form("diffusion").expression - eta / (2 * B) * sp.Abs(H))
    correction = next(f for f in DERIVED.findings if f.name == "without replacement").result.rhs
    assert vanishes(correction - (m - B) / (m - 1))


def test_forms_as_functions() -> None:
    assert float(closed_form("equation-3", "near_critical")(curvature=-3.0, batch_size=2.0)) == 1.5
    assert float(closed_form("equation-3", "near_critical")(curvature=0.0, batch_size=2.0)) == 0.0
    assert float(closed_form("equation-3", "diffusion")(-3.0, 2.0, 0.1)) == pytest.approx(0.075)
    both = closed_form("equation-3", "covariance")(np.array([2.0, 1.0]), 0.5, np.array([1.0, 0.0]), 4.0)
    np.testing.assert_allclose(both, [0.375, 0.25])
