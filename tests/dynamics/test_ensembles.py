import _thread
import subprocess
import sys
import threading

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import escape_times, outcomes

WELL, NOISE, RULE = ss.QuarticWell(0.25), ss.IsotropicNoise(2.5), ss.SGD(0.05)


def quartic(**options):
    return ss.escape_times(WELL, NOISE, RULE, **{"trajectories": 600, "seed": 0, "exit": 0.8} | options)


@pytest.mark.parametrize(
    "options", [{"threads": 1}, {"threads": 2}, {"lanes": 7}, {"lanes": 64}, {"lanes": 128, "threads": 2}]
)
def test_escape_times_do_not_depend_on_how_work_is_cut(options):
    assert quartic(**options).digest() == quartic().digest()


def test_another_process_gives_the_same_bits():
    script = (
        "import saddlescape as ss; print(ss.escape_times(ss.QuarticWell(0.25), ss.IsotropicNoise(2.5), ss.SGD(0.05), "
        "trajectories=600, seed=0, exit=0.8, lanes=24).digest())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == quartic().digest()


def test_escape_times_do_not_depend_on_the_split_of_trajectories():
    whole = quartic()
    assert np.array_equal(quartic(trajectories=350).steps, whole.steps[:350])
    assert np.array_equal(quartic(trajectories=range(123, 456)).steps, whole.steps[123:456])
    assert not np.array_equal(quartic(seed=1).steps, whole.steps)


def test_a_longer_horizon_only_appends():
    short, long = quartic(max_steps=3001), quartic()
    assert np.array_equal(short.steps, np.minimum(long.steps, 3001))
    assert short.censored == np.count_nonzero(long.steps > 3001)


@pytest.mark.parametrize("momentum", ["rest", "thermal"])
@pytest.mark.parametrize("options", [{"threads": 1}, {"lanes": 7}, {"lanes": 64}, {"lanes": 1024}])
def test_spread_does_not_depend_on_how_work_is_cut(momentum, options):
    def spread(**more):
        return ss.saddle_spread(
            ss.QuadraticSaddle(rotation=2),
            ss.HessianNoise(1.0),
            ss.Momentum(0.05, 0.9, 0.1),
            steps=33,
            trajectories=2500,
            momentum=momentum,
            **more,
        )

    assert spread(**options).digest() == spread().digest()


def test_a_trajectory_that_blows_up_is_not_an_escape(monkeypatch):
    # The rule's own bound refuses these learning rates; without it they must be counted as diverged.
    with pytest.raises(
        ValueError, match=r"lr=2 is unstable on the curvature 2 .* at most 1, beyond which every step grows$"
    ):
        ss.escape_times(WELL, NOISE, ss.SGD(2.0), trajectories=10)
    monkeypatch.setattr(escape_times, "check_stable", lambda *_: None)
    times = ss.escape_times(WELL, ss.IsotropicNoise(1e-6), ss.SGD(3.0), trajectories=50, origin=[-1.01], exit=1e9)
    assert times.diverged == 50
    assert times.escaped == times.censored == 0
    assert times.interval()[1] == float("inf")


def test_an_interrupted_run_returns_what_is_done():
    pressed = []

    def stop_soon(over, number, steps):
        if over and not pressed:
            pressed.append(True)
            _thread.interrupt_main()

    assert threading.current_thread() is threading.main_thread()
    times = quartic(trajectories=2_000_000, progress=stop_soon)
    assert times.interrupted
    assert 0 < times.escaped < 2_000_000
    whole = quartic(trajectories=range(0, 200))
    done = (times.outcome == outcomes.ESCAPED)[:200]
    assert np.array_equal(times.steps[:200][done], whole.steps[done])
    assert np.all(times.steps[:200][~done] <= whole.steps[~done])


def test_left_truncation_leaves_the_start_out():
    times = quartic()
    late = times.after(500)
    assert late.escaped == np.count_nonzero(times.steps > 500)
    assert late.total_steps == np.sum(np.maximum(times.steps - 500, 0))
    assert quartic(left_truncation=500).mean == late.mean


def test_times_are_exponential_once_the_start_is_left_out():
    # Seed 0, 4000 trajectories; exponentiality at a false-alarm rate of 1e-3. The start-up is the negative control:
    # absorbed half-way to the saddle, where the climb itself takes most of the time, the same test rejects.
    times = quartic(trajectories=4000)
    assert times.after(400).exponentiality()[1] > 1e-3
    assert quartic(trajectories=4000, exit=-0.5).exponentiality()[1] < 1e-3
    at, unit = times.after(400).exponential_quantiles()
    assert len(at) == len(unit)
    slope = float(at @ unit / (unit @ unit))
    assert slope == pytest.approx(times.after(400).mean, rel=0.1)


BAD = [
    ({"trajectories": 0}, ValueError, "trajectories=0 must be at least 1"),
    ({"trajectories": 2.5}, TypeError, "trajectories=2.5 must be a whole number, not float"),
    ({"seed": -1}, ValueError, "seed=-1 must be at least 0"),
    ({"seed": 2**64}, ValueError, "seed=18446744073709551616 must be below 2^64"),
    ({"exit": -1.0}, ValueError, "exit=-1.0 must be above -1, where trajectories start"),
    ({"exit": float("nan")}, ValueError, "exit=nan must be finite"),
    ({"max_steps": 0}, ValueError, "max_steps=0 must be at least 1"),
    ({"origin": [1.0, 2.0]}, ValueError, "origin has 2 coordinates; the landscape has 1"),
    ({"momentum": "hot"}, ValueError, "momentum='hot' must be 'rest' or 'thermal'"),
    ({"left_truncation": 10, "max_steps": 10}, ValueError, "left_truncation=10 must be below max_steps=10"),
    ({"bridge": True}, ValueError, "bridge=True needs a process with a Brownian part; SGD is an iteration"),
    ({"threads": 0}, ValueError, "threads=0 must be at least 1"),
    ({"lanes": 0}, ValueError, "lanes=0 must be at least 1"),
]


@pytest.mark.parametrize(("options", "error", "text"), BAD)
def test_bad_arguments_are_named(options, error, text):
    with pytest.raises(error) as caught:
        quartic(**options)
    assert str(caught.value).startswith(text)


def test_noise_that_vanishes_on_the_way_is_refused():
    with pytest.raises(ValueError, match=r"vanishes .* at the inflection point \[-0\.5774\] of QuarticWell.* floor"):
        ss.escape_times(WELL, ss.HessianNoise(1.0), RULE, trajectories=10)
    assert ss.escape_times(WELL, ss.HessianNoise(0.2, floor=0.5), RULE, trajectories=10, max_steps=10).censored == 10
    with pytest.raises(ValueError, match="without noise nothing escapes"):
        ss.escape_times(WELL, ss.IsotropicNoise(0.0), RULE, trajectories=10)


def test_a_landscape_without_a_far_minimum_needs_an_exit():
    with pytest.raises(ValueError, match="exit is required"):
        ss.escape_times(ss.QuadraticSaddle(), ss.IsotropicNoise(1.0), ss.SGD(0.01), trajectories=10)
    down = ss.escape_times(
        ss.QuadraticSaddle(), ss.IsotropicNoise(1.0), ss.SGD(0.01), trajectories=10, exit=1.0, max_steps=50
    )
    assert down.trajectories == 10


# The exact mean of the iteration by the integral equation, in dynamical time; three of the quartic well's rows.
EXACT = [(0.5, 64.01), (0.8, 271.296), (1.2, 1910.5)]


@pytest.mark.parametrize("seed", range(11))
def test_the_exact_mean_lies_in_the_interval(seed):
    # 11 runs of 4000 trajectories at level 99.9 %: false-alarm rate 1.1 %.
    low, high = quartic(trajectories=4000, seed=seed).interval(0.999)
    assert low < 271.296 < high


@pytest.mark.parametrize(("batch", "exact"), EXACT)
def test_the_quartic_rows(batch, exact):
    # 4000 trajectories each at level 99.9 %; and a mean 15 % off is rejected.
    times = ss.escape_times(WELL, ss.IsotropicNoise(2.0 / batch), RULE, trajectories=4000, exit=0.8)
    low, high = times.interval(0.999)
    assert low < exact < high
    assert not low < 1.15 * exact < high
