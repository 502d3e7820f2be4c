import mpmath
import numpy as np
import pytest
import sympy as sp
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.derivation import vanishes
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, C, D, H, T, eta, h, t

from .symbolic import same

spread, iterated = closed_form("theorem-1", "spread"), closed_form("theorem-1", "iterated_spread")
DERIVED = derivation("theorem-1")


def test_derivation_ends_in_the_printed_formulas() -> None:
    # Typed independently of the derivation.
    assert vanishes(DERIVED.form("spread").expression - D / H * (1 - sp.exp(-2 * H * t)))
    exact = eta * C / (H * (2 - eta * H)) * (1 - (1 - eta * H) ** (2 * T))
    assert vanishes(DERIVED.form("iterated_spread").expression - exact)
    assert vanishes(DERIVED.form("short_spread").expression - h * eta**2 * T / B)
    assert not vanishes(DERIVED.form("spread").expression - D / H * (1 - sp.exp(-H * t)))


def test_finite_form_is_the_same_expression() -> None:
    for form in DERIVED.forms:
        assert same(form.finite.doit(), form.expression)
        assert not same(form.finite.doit(), form.expression * sp.Rational(10**6 + 1, 10**6))


@pytest.mark.parametrize("curvature", [-3.0, -1e-3, -1e-12, 0.0, 1e-15, 1e-7, 0.2, 5.0])
@pytest.mark.parametrize("time", [1e-6, 0.3, 40.0])
def test_spread_at_fifty_digits(curvature: float, time: float) -> None:
    with mpmath.workdps(50):
        H_, t_ = mpmath.mpf(curvature), mpmath.mpf(time)
        exact = float(2 * 0.7 * t_ if curvature == 0 else mpmath.mpf(0.7) / H_ * (1 - mpmath.exp(-2 * H_ * t_)))
    assert float(spread(curvature, 0.7, time)) == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize("curvature", [-1.0, -1e-10, 0.0, 1e-10, 0.3, 1.0, 19.999999999, 20.0, 20.5])
def test_iterated_spread_at_fifty_digits(curvature: float) -> None:
    # lr = 0.1: lr H = 2 at H = 20, where the form has its other removable singularity.
    for steps in (1, 7, 100):
        with mpmath.workdps(50):
            e, H_ = mpmath.mpf(0.1), mpmath.mpf(curvature)
            exact = float(e**2 * 1.3 * mpmath.fsum((1 - e * H_) ** (2 * k) for k in range(steps)))
        assert float(iterated(curvature, 1.3, 0.1, steps)) == pytest.approx(exact, rel=2e-13)


def test_arguments_broadcast() -> None:
    found = spread(np.array([-1.0, 0.0, 2.0]), 0.5, np.array([[1.0], [2.0]]))
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[:, 1], [1.0, 2.0])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"statement='theorem-9' must be one of equation-3, theorem-1"):
        closed_form("theorem-9", "spread")
    with pytest.raises(ValueError, match=r"form='spred': theorem-1 has spread, iterated_spread, short_spread"):
        closed_form("theorem-1", "spred")
