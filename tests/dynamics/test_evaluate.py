import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import evaluate

WELL = ss.PiecewiseQuadraticWell(transverse_min=np.linspace(1.0, 2.0, 9), rotation=3).check()


@pytest.mark.parametrize("noise", [ss.HessianNoise(0.5), ss.ConstantNoise(np.diag(np.arange(10.0)) + 1.0)])
def test_compiled_and_plain_evaluation_give_the_same_bits(monkeypatch, noise):
    noise = noise.check()
    theta = np.random.default_rng(0).normal(size=(10, 7))

    def both():
        return evaluate.gradients(WELL, theta), evaluate.noise_root(WELL, noise, theta[:, 0])

    assert evaluate.DENSE < 10
    compiled = both()
    monkeypatch.setattr(evaluate, "DENSE", 10)
    for fast, plain in zip(compiled, both(), strict=True):
        assert np.array_equal(fast, plain)
    root = compiled[1]
    np.testing.assert_allclose(root @ root.T, noise.covariance_at(WELL, theta[:, 0]), rtol=0, atol=1e-12)
