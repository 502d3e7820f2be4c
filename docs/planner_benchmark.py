"""Compare what the planner of sweeps predicts with what 20 varied settings take, on a quiet machine.

Run with ``python docs/planner_benchmark.py [SECONDS]``: about so many seconds a setting (default 2). Each setting is
cut in units, and two threads work through them side by side, as a sweep does. The prediction is held against the
processor time of each thread, which is the wall time where nothing else runs, and is stable where something does.
"""

import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.files.experiment import Experiment, Setting, SweepPlan
from saddlescape.experiments.saddle import SaddleRun
from saddlescape.experiments.sweep.planner import plan
from saddlescape.experiments.sweep.sizing import ensemble_of

WORKERS = 2
TEN = np.full(9, 2.0)
CASES: list[tuple[Any, Any, Any, Any]] = [
    (("sgd", {}), ("quartic", {}), ("isotropic", {"variance": 2.0}), EscapeRun()),
    (("sgd", {}), ("quartic", {}), ("isotropic", {"variance": 30.0}), EscapeRun()),
    (("sgd", {}), ("quartic", {}), ("isotropic", {"variance": 1.0}), EscapeRun(max_steps=20_000)),
    (("momentum", {"lr": 0.01}), ("piecewise-quadratic", {}), ("hessian", {"batch_size": 0.5}), EscapeRun()),
    (("momentum", {"lr": 0.02}), ("quartic", {}), ("isotropic", {"variance": 0.5}), EscapeRun(max_steps=300_000)),
    (("momentum", {"lr": 0.02}), ("quartic", {"transverse_min": TEN}), ("isotropic", {"variance": 0.5}), EscapeRun()),
    (("adam", {"lr": 0.02}), ("quartic", {}), ("isotropic", {}), EscapeRun(max_steps=30_000)),
    (("adam", {"lr": 0.01}), ("styblinski-tang", {"dimension": 5}), ("isotropic", {}), EscapeRun(max_steps=5_000)),
    (("adamw", {"lr": 0.02, "weight_decay": 0.01}), ("quartic", {}), ("isotropic", {}), EscapeRun()),
    (("adai", {"lr": 0.1}), ("quartic", {}), ("isotropic", {"variance": 1.0}), EscapeRun()),
    (("adai", {"lr": 0.1}), ("quartic", {"transverse_min": TEN}), ("isotropic", {}), EscapeRun(max_steps=4_000)),
    (("langevin", {"dt": 0.05}), ("quartic", {}), ("isotropic", {"variance": 3.0}), EscapeRun()),
    (("underdamped", {"dt": 0.05}), ("quartic", {}), ("isotropic", {"variance": 3.0}), EscapeRun()),
    (("sgd", {}), ("quartic", {"transverse_min": TEN, "rotation": 3}), ("isotropic", {"variance": 4.0}), EscapeRun()),
    (("sgd", {"lr": 0.1}), ("piecewise-quadratic", {}), ("hessian", {"batch_size": 0.7}), EscapeRun()),
    (("sgd", {}), ("piecewise-quadratic", {"transverse_min": np.full(49, 1.0)}), ("hessian", {}), EscapeRun()),
    (("sgd", {}), ("quartic", {}), ("isotropic", {"variance": 4.0}), EscapeRun(normals="float32")),
    (("sgd", {}), ("quartic", {}), ("isotropic", {"variance": 4.0}), EscapeRun(generator="threefry")),
    (("sgd", {}), ("saddle", {}), ("hessian", {}), SaddleRun(steps=1000)),
    (("adai", {}), ("saddle", {"curvatures": np.linspace(-1.0, 1.0, 20)}), ("hessian", {}), SaddleRun(steps=300)),
]


def experiment_of(case: tuple[Any, Any, Any, Any], trajectories: int) -> Experiment:
    """Return the file of a single setting."""
    rule, landscape, noise, run = case
    question = "saddle" if isinstance(run, SaddleRun) else "escape"
    parts = (choose(RULE, rule[0]), choose(LANDSCAPE, landscape[0]), choose(NOISE, noise[0]))
    asked = Configuration(question, parts, (rule[1], landscape[1], noise[1]), run._replace(trajectories=trajectories))
    return Experiment("benchmark", "", question, (), (Setting((), asked),), SweepPlan())


def measured(experiment: Experiment, unit: int) -> tuple[float, float]:
    """Return wall time and processor time over the threads of a setting, its units in two threads side by side."""
    ensemble = ensemble_of(experiment.settings[0].configuration)
    number = experiment.settings[0].configuration.run.trajectories

    def run(low: int) -> None:
        numbers = range(low, min(low + unit, number))
        if hasattr(ensemble, "horizon"):
            ensemble.run(numbers, lambda group: None, threads=1)
        else:
            ensemble.run(numbers, threads=1)

    began, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, range(0, number, unit)))
    return time.perf_counter() - began, (time.process_time() - used) / WORKERS


def main() -> None:
    """Print one line a setting."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    print(f"load {os.getloadavg()[0]:.1f}")
    head = f"{'':2} {'rule':12}{'landscape':20}{'noise':10}{'source':22}{'tau':>9}{'units':>7}"
    print(f"{head}{'said':>8}{'wall':>8}{'cpu':>8}  said/cpu")
    ratios = []
    for k, case in enumerate(CASES):
        first = plan(experiment_of(case, 4096), WORKERS)
        number = int(4096 * seconds * WORKERS / max(first.work, 1e-3))
        experiment = experiment_of(case, min(max(number, 4096), 8_000_000))
        # Enough units that both threads are at work to the end.
        unit = max(1 << (experiment.settings[0].configuration.run.trajectories // 16).bit_length() - 1, 64)
        told = plan(experiment._replace(plan=SweepPlan(unit=unit)), WORKERS)
        each = told.settings[0]
        wall, took = measured(experiment, each.unit)
        ratios.append(told.seconds / took)
        names = f"{case[0][0]:12}{case[1][0]:20}{case[2][0]:10}"
        print(
            f"{k + 1:2} {names}{each.expected.source:22}{each.expected.steps:9.3g}{each.units:7}"
            f"{told.seconds:8.2f}{wall:8.2f}{took:8.2f}  {ratios[-1]:.2f}",
            flush=True,
        )
    worst = max(max(ratio, 1.0 / ratio) for ratio in ratios)
    typical = math.exp(sum(abs(math.log(ratio)) for ratio in ratios) / len(ratios))
    within = sum(1.0 / 1.5 <= ratio <= 1.5 for ratio in ratios)
    print(f"within a factor of 1.5: {within} of {len(ratios)}; typical factor {typical:.2f}, worst {worst:.2f}")


if __name__ == "__main__":
    main()
