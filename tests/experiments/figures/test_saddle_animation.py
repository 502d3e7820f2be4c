from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import saddle_animation as module
from saddlescape.experiments.figures.movie import Camera
from saddlescape.experiments.figures.section import Section, saddle_section
from saddlescape.experiments.figures.style import styled
from saddlescape.experiments.plot import figure
from saddlescape.theory.covariance_recursion import spread
from scipy.stats import norm

SADDLE, NOISE = ss.QuadraticSaddle([-0.1, 1.0]), ss.HessianNoise(1.0)


@pytest.fixture(scope="module")
def data() -> Any:
    return figure("saddle-animation", rules="sgd,adam", trajectories=400, shown=30, frames=5, steps=120).data


def test_what_is_drawn_are_the_ensembles_own_trajectories_and_shares(data: Any) -> None:
    run = ss.saddle_spread(SADDLE, NOISE, ss.SGD(0.05), steps=120, trajectories=400, record=data.steps, keep_paths=True)
    assert run.paths is not None
    assert data.steps.tolist() == [0, 30, 60, 90, 120]
    shown = run.paths[:30].transpose(1, 0, 2)
    seen = np.isfinite(data.paths["sgd"][:, :, 0])
    assert seen.mean() > 0.9
    assert np.array_equal(data.paths["sgd"][seen], shown[seen])
    assert np.array_equal(data.shares["sgd"], np.mean(np.abs(run.paths[:, :, 0]) >= 1.0, axis=0))
    # The same noise: the first step of Adam is as long for all and has the sign of SGD's.
    first = [
        ss.saddle_spread(SADDLE, NOISE, rule, steps=1, trajectories=50, record=[1], keep_paths=True).paths
        for rule in (ss.SGD(0.05), ss.Adam(0.05))
    ]
    assert np.array_equal(np.sign(first[0]), np.sign(first[1]))


def test_the_exact_share_is_that_of_the_normal_law_of_the_iteration(data: Any) -> None:
    exact = spread(ss.SGD(0.05), np.diag([-0.1, 1.0]), np.diag([0.1, 1.0]), data.steps)
    assert data.covariances["sgd"] == pytest.approx(exact, rel=1e-12)
    assert data.exact["sgd"][1:] == pytest.approx(2.0 * norm.sf(1.0 / np.sqrt(exact[1:, 0, 0])), rel=1e-9)
    assert data.exact["sgd"][0] == 0.0
    assert set(data.exact) == {"sgd"}
    # By hand: after one step theta is lr times the noise.
    one = figure("saddle-animation", rules="sgd", trajectories=2, frames=2, steps=1, beyond=0.02).data
    assert one.exact["sgd"][1] == pytest.approx(2.0 * norm.sf(0.02 / (0.05 * np.sqrt(0.1))), rel=1e-12)


def test_the_simulated_share_agrees_with_the_exact_one_and_not_with_another_rules() -> None:
    # Seed 3, N = 4000, 6 frames, two rules: 6 standard errors each, a false alarm below 1e-7.
    data = figure(
        "saddle-animation", rules="sgd,momentum", trajectories=4000, shown=1, frames=6, steps=400, seed=3
    ).data
    error = {name: np.sqrt(p * (1.0 - p) / 4000) + 1e-12 for name, p in data.exact.items()}
    for name in ("sgd", "momentum"):
        assert np.all(np.abs(data.shares[name] - data.exact[name]) <= 6.0 * error[name] + 1e-3)
    assert data.shares["sgd"][-1] - data.exact["momentum"][-1] > 6.0 * error["momentum"][-1]


def test_every_frame_shows_its_own_time(data: Any) -> None:
    movie = module.animate(data)
    maps = movie.figure.axes[:2]
    assert movie.frames == 5
    for k in (4, 0, 2):
        movie.update(k)
        assert f"t = {data.time[k]:.2f}  (step {data.steps[k]} of 120)" in movie.figure._suptitle.get_text()  # type: ignore[attr-defined]
        for axes, name in zip(maps, ("sgd", "adam"), strict=True):
            drawn = np.concatenate([_dots(axes.lines, 30 - module.FOLLOWED), _dots(axes.lines, module.FOLLOWED)])
            want = data.paths[name][k]
            same = np.concatenate([want[module.FOLLOWED :], want[: module.FOLLOWED]])
            assert np.array_equal(drawn, same, equal_nan=True)
            assert axes.get_title("right") == f"{data.shares[name][k]:.0%} beyond"
        radii = sorted(patch.width for patch in maps[0].patches)
        scale = np.sqrt(np.linalg.eigvalsh(data.covariances["sgd"][k]).min())
        assert radii == pytest.approx([2.0 * scale, 4.0 * scale])
    assert list(maps[1].patches) == []


def test_the_ellipse_turns_with_the_covariance() -> None:
    with styled(4.0, 4.0) as drawn:
        axes = drawn.subplots()
        turn = np.array([[0.8, -0.6], [0.6, 0.8]])
        law = turn @ np.diag([0.04, 0.01]) @ turn.T
        module.cloud(np.zeros((3, 2)), ax=axes, rule="sgd", covariance=law)
        for sigmas, ellipse in zip((1.0, 2.0), axes.patches, strict=True):
            outline = axes.transData.inverted().transform(ellipse.get_verts())
            size = np.einsum("ni,ij,nj->n", outline, np.linalg.inv(law), outline)
            assert size == pytest.approx(np.full(len(outline), sigmas**2), rel=0.01)
            # Both ends of the long axis are on it.
            end = sigmas * 0.2 * turn[:, 0]
            assert np.min(np.linalg.norm(outline - end, axis=1)) < 0.02


def test_nothing_is_laid_out_anew_while_it_moves(data: Any) -> None:
    movie = module.animate(data)
    camera = Camera(movie)
    places = []
    for k in range(movie.frames):
        camera(k)
        places.append([axes.get_position().bounds for axes in movie.figure.axes])
    assert all(each == places[0] for each in places)
    assert min(bounds[2] for bounds in places[0]) > 0.2


def test_a_turned_saddle_is_seen_along_its_own_directions() -> None:
    saddle = ss.QuadraticSaddle([0.3, -1.0, 2.0], rotation=5).check()
    section, curvatures = saddle_section(saddle, np.zeros(3))
    assert curvatures.tolist() == [-1.0, 2.0]
    assert section.basis.T @ section.basis == pytest.approx(np.eye(2), abs=1e-12)
    q = np.array([[0.5, -1.0], [0.25, 2.0]])
    out = np.empty((1, 2))
    section.value(q, out)
    assert out[0] == pytest.approx(-0.5 * q[0] ** 2 + q[1] ** 2)
    theta = section.origin + (section.basis @ q).T
    assert section.coordinates(theta) == pytest.approx(q.T)
    assert section.saddles() == pytest.approx(np.zeros((1, 2)))
    assert isinstance(section.check(), Section)


def test_the_figure_on_paper_is_a_frame_of_the_animation(data: Any) -> None:
    drawn = module.draw(data)
    assert isinstance(drawn, Figure)
    assert any(len(_dots(axes.lines, 30 - module.FOLLOWED)) for axes in drawn.axes[:2])
    assert "Adam" in module.alt(data)
    assert f"SGD {data.shares['sgd'][-1]:.0%}" in module.caption(data)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rules": "sgd,adams"}, "rules=sgd,adams: there is no 'adams' here; did you mean adam"),
        ({"beyond": 0.0}, "beyond=0.0 must be above 0: it is a distance from the saddle"),
        ({"frames": 1}, "frames=1 must be at least 2: one is no animation"),
        ({"frames": 50, "steps": 30}, "steps=30 must be at least 49: each frame is a step of its own"),
        ({"shown": 0}, "shown=0 must be at least 1"),
        ({"landscape": ss.QuadraticSaddle([-1.0])}, "dimension=1 of QuadraticSaddle must be at least 2"),
        ({"landscape": ss.QuadraticSaddle([1.0, 2.0])}, "the smallest curvature, 1, must be below 0"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        figure("saddle-animation", **options)


def _dots(lines: Any, number: int) -> Any:
    """Return the places of the line with so many marks."""
    (found,) = (
        line.get_xydata()
        for line in lines
        if line.get_marker() == "o" and len(np.atleast_1d(line.get_xdata())) == number
    )
    return found
