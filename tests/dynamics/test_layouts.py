"""In one dimension a step can be taken by rows or by lanes: the bits are the same."""

import pytest
import saddlescape as ss
from saddlescape.dynamics import layouts

CASES = [
    (ss.QuarticWell(tilt=0.02), ss.IsotropicNoise(6.0), ss.Momentum(0.1, 0.5, 1.0, 0.01)),
    (ss.PiecewiseQuadraticWell(), ss.HessianNoise(0.3), ss.Adai(0.05)),
    (ss.QuarticWell(), ss.IsotropicNoise(6.0), ss.Langevin(0.05, "stratonovich")),
]


def test_one_dimension_goes_by_lanes():
    assert isinstance(layouts.layout(1), layouts.Lanewise)
    assert isinstance(layouts.layout(2), layouts.Rowwise)


@pytest.mark.parametrize(("landscape", "noise", "rule"), CASES)
def test_both_layouts_give_the_same_bits(monkeypatch, landscape, noise, rule):
    def run():
        return ss.escape_times(landscape, noise, rule, trajectories=300, seed=3, max_steps=400)

    by_lanes = run()
    monkeypatch.setattr(layouts, "layout", lambda dimension: layouts.Rowwise())
    by_rows = run()
    assert by_rows.digest() == by_lanes.digest()
    assert by_lanes.escaped > 100
