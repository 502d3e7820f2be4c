from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics.outcomes import ESCAPED
from saddlescape.experiments.figures import leak_animation as module
from saddlescape.experiments.figures.section import escape_section
from saddlescape.experiments.plot import figure

WELL = ss.QuarticWell(barrier=0.25, transverse_min=[1.0]).check()
NOISE, RULE = ss.IsotropicNoise(5.0), ss.SGD(0.05)
SMALL: dict[str, Any] = {"trajectories": 120, "shown": 60, "steps": 600, "frames": 7}


@pytest.fixture(scope="module")
def data() -> Any:
    return figure("leak-animation", **SMALL).data


def test_the_ways_of_an_escape_are_those_of_a_spread_to_the_bit() -> None:
    # Every step recorded: the first one at or beyond the exit is the escape, and none is before it.
    times = ss.escape_times(WELL, NOISE, RULE, trajectories=40, max_steps=400, seed=9)
    run = ss.saddle_spread(
        WELL, NOISE, RULE, steps=400, trajectories=40, seed=9, record=np.arange(401), origin=[-1.0, 0.0],
        keep_paths=True,
    )  # fmt: skip
    assert run.paths is not None
    over = run.paths[:, :, 0] >= 1.0
    escaped = times.outcome == ESCAPED
    assert 3 < escaped.sum() < 37
    assert np.array_equal(np.any(over, axis=1), escaped)
    assert np.array_equal(np.argmax(over[escaped], axis=1), times.steps[escaped])
    section = escape_section(WELL, WELL.escape())
    at = np.array([0, 7, 150, 400])
    paths, exits = module.ways(WELL, NOISE, RULE, section, times, range(40), at)
    inside = times.steps[None, :] > at[:, None]
    inside[-1] |= ~escaped
    seen = np.isfinite(paths[:, :, 0])
    assert np.array_equal(seen, inside)
    assert np.array_equal(paths[seen], run.paths[:, at].transpose(1, 0, 2)[seen])
    assert np.array_equal(exits[escaped], run.paths[escaped, times.steps[escaped], 1])
    assert np.all(np.isnan(exits[~escaped]))
    other = ss.escape_times(WELL, NOISE, RULE, trajectories=40, max_steps=400, seed=10)
    assert not np.array_equal(other.steps, times.steps)


def test_every_frame_shows_who_is_still_inside_and_who_just_left(data: Any) -> None:
    movie = module.animate(data)
    left, right = movie.figure.axes
    dots = next(line for line in left.lines if line.get_label() == "not escaped")
    stars = next(line for line in left.lines if line.get_label() == "escapes")
    steps, outcome = data.times.steps, data.times.outcome
    over = np.where(outcome == ESCAPED, steps, 10**9)
    for k in (6, 0, 3):
        movie.update(k)
        drawn = np.isfinite(np.asarray(dots.get_xdata(), dtype=float))
        assert np.all(drawn <= (over[:60] > data.steps[k]))
        assert drawn.sum() >= 0.95 * np.count_nonzero(over[:60] > data.steps[k])
        since = data.steps[k - module.LINGERS] if k >= module.LINGERS else -1
        gone = (over[:60] > since) & (over[:60] <= data.steps[k])
        assert np.array_equal(np.asarray(stars.get_ydata()), data.exits[gone])
        assert np.all(np.asarray(stars.get_xdata()) == 1.0)
        share = np.mean(over > data.steps[k])
        assert left.get_title("right") == f"{share:.0%} of 120 still inside"
        # The mark rides on the Kaplan-Meier curve.
        (tip,) = (line for line in right.lines if len(np.atleast_1d(line.get_xdata())) == 1)
        assert tip.get_ydata()[0] == pytest.approx(share)
        curve = next(line for line in right.lines if str(line.get_label()).startswith("Kaplan"))
        x, y = (np.asarray(each, dtype=float) for each in curve.get_data())
        assert y[np.searchsorted(x, data.time[k] + 1e-9) - 1 if k else 0] == pytest.approx(share)


def test_the_line_to_come_is_the_iterations_own_law(data: Any) -> None:
    # Seed 0, N = 120. Dvoretzky, Kiefer and Wolfowitz: further than 0.26 with a chance below 1e-6.
    seen = np.mean(data.times.steps[:, None] > data.steps[:-1], axis=0)
    assert np.max(np.abs(seen - data.law[:-1])) < np.sqrt(np.log(2e6) / 240.0)
    assert not data.exponential
    assert data.rung == "exact_discrete"
    assert data.mean == pytest.approx(ss.references(WELL, NOISE, RULE).exact_discrete.value)
    # In the end it falls at the quasi-stationary rate, 100 steps from frame to frame.
    rate = ss.quasi_stationary_of(WELL, NOISE, RULE).rate
    assert data.law[-1] / data.law[-2] == pytest.approx((1.0 - rate) ** 100, rel=1e-4)
    assert data.law[1] / data.law[0] > 1.05 * (1.0 - rate) ** 100
    line = next(each for each in module.draw(data).axes[1].lines if "mean" in str(each.get_label()))
    assert np.array_equal(np.asarray(line.get_ydata()), data.law)


def test_where_the_law_is_not_known_the_exponential_one_of_the_best_rung_stands_in(data: Any) -> None:
    drawn = module.draw(data._replace(exponential=True, rung="exact_diffusion", mean=50.0))
    labels = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert "exact, its diffusion: exponential, mean 50" in labels
    none = module.draw(data._replace(rung="", law=np.empty(0)))
    assert not any("mean" in text.get_text() for text in none.legends[0].get_texts())
    assert "law" not in module.caption(data._replace(rung=""))


def test_nothing_escaped_is_said_and_drawn(data: Any) -> None:
    steps = np.full_like(data.times.steps, data.steps[-1])
    quiet = data._replace(
        times=data.times._replace(steps=steps, outcome=np.zeros_like(data.times.outcome)),
        exits=np.full_like(data.exits, np.nan),
    )
    assert "0 escape: the mean escape time is above" in module.caption(quiet)
    assert "keeps its shape" not in module.caption(quiet)
    assert "keeps its shape" in module.caption(data)
    movie = module.animate(quiet)
    movie.update(6)
    assert movie.figure.axes[0].get_title("right") == "100% of 120 still inside"


def test_the_plane_of_a_turned_well_is_its_own() -> None:
    turned = ss.QuarticWell(barrier=0.25, transverse_min=[3.0, 1.0], rotation=4).check()
    section = escape_section(turned, turned.escape())
    assert section.minima() == pytest.approx(np.array([[-1.0, 0.0], [1.0, 0.0]]), abs=1e-9)
    q = np.array([[0.0, -1.0], [0.5, 0.4]])
    out = np.empty((1, 2))
    section.value(q, out)
    assert out[0] == pytest.approx(0.25 * (q[0] ** 2 - 1.0) ** 2 + 0.5 * q[1] ** 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frames": 1}, "frames=1 must be at least 2: one is no animation"),
        ({"frames": 50, "steps": 30}, "steps=30 must be at least 49: each frame is a step of its own"),
        ({"shown": 1}, "shown=1 must be at least 2"),
        ({"landscape": ss.QuarticWell()}, "dimension=1 of QuarticWell must be at least 2: a cloud is drawn on a plane"),
        ({"landscape": ss.QuadraticSaddle([-1.0, 1.0])}, "has no minimum beyond its saddle"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        figure("leak-animation", **options)
