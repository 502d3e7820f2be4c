from typing import Any

import numpy as np
import pytest
from saddlescape import SGD, Adam, HessianNoise, IsotropicNoise, Momentum, PiecewiseQuadraticWell, QuarticWell
from saddlescape.experiments.figures.cooling import cooled
from saddlescape.experiments.figures.interface import Parts
from saddlescape.theory.regime_numbers import regime

PARTS = Parts(landscape=PiecewiseQuadraticWell().check(), noise=HessianNoise(0.7).check())


@pytest.mark.parametrize("rule", [SGD(0.02), Momentum(0.02, 0.8, 0.2), Adam(0.03, 0.8)])
@pytest.mark.parametrize("way", ["noise", "lr"])
@pytest.mark.parametrize(
    "parts", [PARTS, Parts(landscape=QuarticWell().check(), noise=IsotropicNoise(2.0).check())], ids=["eq3", "constant"]
)
def test_every_place_has_the_barrier_over_the_temperature_that_was_asked_for(rule: Any, way: str, parts: Parts) -> None:
    field = "batch_size" if parts is PARTS else "variance"
    places = cooled(parts.landscape, parts.noise, rule.check(), (4.0, 10.0, 40.0), way)
    found = [regime(place.landscape, place.noise, place.rule)["barrier_over_temperature"] for place in places]
    # Adam's eps, 1e-8 beside v^(1/2), is what the power leaves out.
    np.testing.assert_allclose(found, [4.0, 10.0, 40.0], rtol=1e-5)
    hottest, coldest = places[0], places[-1]
    if way == "lr":
        assert coldest.rule.lr == pytest.approx(hottest.rule.lr / 10.0)
        assert getattr(coldest.noise, field) == getattr(hottest.noise, field)
    else:
        assert coldest.rule.lr == hottest.rule.lr
        grown = getattr(coldest.noise, field) / getattr(hottest.noise, field)
        power = (1.0 if parts is PARTS else -1.0) * (2.0 if isinstance(rule, Adam) else 1.0)
        assert grown == pytest.approx(10.0**power, rel=1e-5)
