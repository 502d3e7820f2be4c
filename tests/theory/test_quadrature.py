import numpy as np
import pytest
from saddlescape.theory.quadrature import gauss_legendre, panel_nodes


@pytest.mark.parametrize("m", [2, 7, 16])
def test_exact_for_polynomials(m: int) -> None:
    rule = gauss_legendre(m)
    for k in range(2 * m):
        assert rule.weights @ rule.nodes**k == pytest.approx(1.0 / (k + 1), rel=1e-13)
    for k in range(m):
        np.testing.assert_allclose(rule.antiderivative @ rule.nodes**k, rule.nodes ** (k + 1) / (k + 1), atol=1e-14)
        slope = k * rule.nodes ** max(k - 1, 0)
        np.testing.assert_allclose(rule.derivative @ rule.nodes**k, slope, atol=1e-11)


def test_panels() -> None:
    nodes, weights = panel_nodes(np.array([0.0, 1.0, 4.0]), 5)
    assert nodes.shape == weights.shape == (2, 5)
    assert np.sum(weights * nodes**3) == pytest.approx(64.0)
