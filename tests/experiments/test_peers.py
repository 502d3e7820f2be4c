import json
import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD
from saddlescape.experiments import contest
from saddlescape.experiments.contest import Reference
from saddlescape.experiments.peers import PEERS, cpp, numpy_peer, this_package, worker
from saddlescape.experiments.peers.exact import exact_answers
from saddlescape.experiments.peers.interface import CASES, Case, UnavailableError, Work
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory.references import references
from saddlescape.theory.spread_references import spread_references

HEAVY = {"numba", "jax", "torch", "diffrax", "scipy", "sympy", "matplotlib"}


def exact(case: Case) -> Reference:
    answers = exact_answers(case)
    assert answers is not None
    return Reference("exact", answers, float("inf"))


def reference_of(case: Case) -> Reference:
    found = {} if exact_answers(case) else {(case.name, "numpy float64"): numpy_peer.prepare(case, "float64")(0.2)}
    reference = contest._reference(case, found)
    assert reference is not None
    return reference


@pytest.mark.parametrize("name", PEERS)
def test_every_contestant_keeps_to_the_interface(name: str) -> None:
    module: Any = import_module(f"saddlescape.experiments.peers.{PEERS[name]}")
    assert len(set(module.VARIANTS)) == len(module.VARIANTS) > 0
    assert all(isinstance(each, str) and each for each in module.VARIANTS)
    reason = module.unavailable()
    assert reason is None or (isinstance(reason, str) and reason)
    assert callable(module.prepare)
    if reason is None:
        assert module.version()


def test_nothing_heavy_is_imported_to_tell_who_is_here() -> None:
    script = (
        "import sys; from importlib import import_module; from saddlescape.experiments.peers import PEERS\n"
        "for name in PEERS.values(): import_module(f'saddlescape.experiments.peers.{name}').unavailable()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_case_scales_in_whole_blocks(case: Case) -> None:
    assert case.number(1.0) == pytest.approx(case.trajectories, rel=0.001)
    assert case.number(1e-9) == 128
    assert case.number(0.37) % 128 == 0
    assert case.steps % max(case.record, 2) == 0
    assert (case.barrier > 0.0) == (len(case.curvatures) == 0)
    assert all(i < case.dimension for i in case.watched)


def test_exact_escape_is_that_of_the_theory_floor() -> None:
    # Another method there: an integral equation for the mean, without a cap. The cap here is 46 mean escape times.
    case = CASES["A"]._replace(steps=60_000)
    noise = IsotropicNoise(case.variance)
    known = references(QuarticWell(0.25), noise, SGD(case.lr), exit=0.0).exact_discrete
    assert known.steps is not None
    found = exact(case).answers
    assert found["mean_steps"].value == pytest.approx(known.steps, rel=1e-6)
    assert found["censored"].value < 1e-15
    # An exponential time after a short way up: the deviation is a little below the mean.
    assert 0.95 < found["mean_steps"].deviation / known.steps < 1.0


@pytest.mark.parametrize("name", ["B", "D"])
def test_exact_variances_are_those_of_the_theory_floor(name: str) -> None:
    case = CASES[name]
    noise: Any = IsotropicNoise(case.variance) if name == "B" else ConstantNoise(case.noise_root @ case.noise_root.T)
    rule: Any = Momentum(case.lr, case.beta1, case.beta3) if name == "B" else SGD(case.lr)
    known = spread_references(QuadraticSaddle(case.curvatures), noise, rule, np.array([case.steps]), "rest")
    assert known.exact_discrete is not None
    for k, i in enumerate(case.watched):
        value = exact(case).answers[f"variance_{k}"].value
        assert value == pytest.approx(known.exact_discrete[0, i, i], rel=1e-9)


def twin_of_a_step(case: Case) -> Any:
    """The update rules as their equations are printed, one step of (d, N) coordinates given gradients."""
    m: Any = 0.0
    v: Any = 0.0
    product: Any = 1.0

    def step(theta: Any, g: Any, t: int) -> Any:
        nonlocal m, v, product
        match case.rule:
            case "sgd":
                return theta - case.lr * g
            case "momentum":
                m = case.beta1 * m + case.beta3 * g
                return theta - case.lr * m
            case "adam":
                m = case.beta1 * m + (1.0 - case.beta1) * g
                v = case.beta2 * v + (1.0 - case.beta2) * g**2
                hat = np.sqrt(v / (1.0 - case.beta2**t)) + case.eps
                return theta - case.lr * m / (1.0 - case.beta1**t) / hat
            case _:
                v = case.beta2 * v + (1.0 - case.beta2) * g**2
                mu = np.clip(1.0 - case.beta0 * v / v.mean(axis=0), 0.0, 1.0 - case.eps)
                product = product * mu
                m = mu * m + (1.0 - mu) * g
                return theta - case.lr * m / (1.0 - product)

    return step


@pytest.mark.parametrize("name", ["B", "C-Adam", "C-Adai", "D"])
def test_numpy_takes_the_printed_steps(name: str) -> None:
    # The same random numbers with the opposite sign where the peer's units turn it: variances do not see that.
    case = CASES[name]._replace(steps=100, eps=0.05 if name == "C-Adam" else CASES[name].eps)
    draw = np.random.Generator(np.random.SFC64(1)).standard_normal
    width = 128
    step, theta = twin_of_a_step(case), np.zeros((case.dimension, width))
    sign = -1.0 if name in ("B", "D") else 1.0
    for t in range(1, case.steps + 1):
        z = sign * draw((case.dimension, width))
        noise = case.noise_root @ z if len(case.noise_root) else case.variance**0.5 * z
        theta = step(theta, case.curvatures[:, None] * theta + noise, t)
    work = numpy_peer.prepare(case, "float64")(1e-9)
    assert work.units == 128 * 100 * case.dimension
    assert list(work.answers) == [f"variance_{k}" for k in range(3)]
    for k, i in enumerate(case.watched):
        assert work.answers[f"variance_{k}"] == pytest.approx(np.mean(theta[i] ** 2), rel=1e-9)


def test_numpy_refills_and_closes_up_without_losing_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES["A"]._replace(steps=300)
    monkeypatch.setattr(numpy_peer, "WIDTH", 50)
    draw = np.random.Generator(np.random.SFC64(1)).standard_normal
    lanes = [(-1.0, 0)] * 50
    waiting, total, censored, t = 78, 0, 0, 0
    while lanes:
        t += 1
        z = draw(len(lanes))
        lanes = [
            (x - case.lr * (x**3 - x) + case.lr * case.variance**0.5 * float(z[j]), born)
            for j, (x, born) in enumerate(lanes)
        ]
        out = [j for j, (x, born) in enumerate(lanes) if x >= 0.0]
        late = [j for j, (x, born) in enumerate(lanes) if x < 0.0 and t - born == case.steps]
        total += sum(t - lanes[j][1] for j in out + late)
        censored += len(late)
        for j in (out + late)[:waiting]:
            lanes[j] = (-1.0, t)
        left = (out + late)[waiting:]
        waiting -= len(out + late) - len(left)
        lanes = [lane for j, lane in enumerate(lanes) if j not in left]
    assert 0 < censored < 128
    work = numpy_peer.prepare(case, "float64")(1e-9)
    assert work == Work(float(total), {"mean_steps": total / 128, "censored": censored / 128}, 128)


# Seeds fixed; three answers or two at 5 standard errors: false-alarm rate below 1e-5 a case.
@pytest.mark.parametrize("variant", numpy_peer.VARIANTS)
@pytest.mark.parametrize("name", ["A", "B", "D"])
def test_numpy_agrees_with_the_exact_answers(name: str, variant: str) -> None:
    work = numpy_peer.prepare(CASES[name], variant)(0.05)
    assert exact(CASES[name]).difference(work) == ""


@pytest.fixture(params=cpp.VARIANTS)
def compiled(request: pytest.FixtureRequest) -> str:
    variant = str(request.param)
    if reason := cpp.unavailable():
        pytest.skip(reason)
    try:
        cpp.prepare(CASES["A"], variant)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    return variant


# Seeds fixed, as above: below 1e-5 a case and variant.
@pytest.mark.parametrize("name", CASES)
def test_cpp_agrees(name: str, compiled: str) -> None:
    case = CASES[name]
    do = cpp.prepare(case, compiled)
    assert do is not None
    work = do(0.2)
    reference = reference_of(case)
    assert reference.difference(work) == ""
    assert work.samples == case.number(0.2)
    if case.watched:
        assert work.units == work.samples * case.steps * case.dimension
    # Negative control: another learning rate is another answer.
    other = cpp.prepare(case._replace(lr=0.7 * case.lr), compiled)
    assert other is not None
    assert reference.difference(other(0.2)) != ""


def test_cpp_says_which_cases_it_is_not_written_for(compiled: str) -> None:
    assert cpp.prepare(CASES["B"]._replace(curvatures=np.ones(7)), compiled) is None


def test_a_compiler_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    if reason := cpp.unavailable():
        pytest.skip(reason)
    monkeypatch.setenv("SADDLESCAPE_CACHE", str(tmp_path))
    broken = tmp_path / "limit.cpp"
    broken.write_text("this is no C++\n")
    monkeypatch.setattr(cpp, "SOURCE", broken)
    cpp._library.cache_clear()
    try:
        with pytest.raises(UnavailableError, match=r"the compiler refuses limit.cpp: .*error"):
            cpp.prepare(CASES["A"], "portable")
    finally:
        cpp._library.cache_clear()
    assert not list(tmp_path.rglob("*.so"))


# Seed fixed, as above.
@pytest.mark.parametrize(
    "name", ["A", *(pytest.param(name, marks=pytest.mark.slow) for name in ("B", "C-Adam", "C-Adai", "D"))]
)
def test_this_package_agrees(name: str) -> None:
    case = CASES[name]
    work = this_package.prepare(case, "float64")(0.05)
    assert reference_of(case).difference(work) == ""
    assert work.samples == case.number(0.05)


def test_the_worker_warms_up_once_a_case_and_tells_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    own = worker.Worker("numpy_peer", "float64")
    first, second = (own.answer("B", 1e-9) for _ in range(2))
    assert (first["warm_up"], second["warm_up"]) == (True, False)
    assert first["answers"] == second["answers"]
    assert second["units"] == 128 * 1000 * 10
    assert second["seconds"] > 0.0
    monkeypatch.setattr(own.contestant, "prepare", lambda case, variant: None)
    assert own.answer("D", 1e-9) == {"unable": True}


def test_the_worker_answers_line_by_line_and_survives_an_error() -> None:
    line = [sys.executable, "-m", "saddlescape.experiments.peers.worker", "numpy_peer", "float64"]
    asked = "E 0.1\nD 0.001\n"
    done = subprocess.run(line, input=asked, capture_output=True, text=True, check=True)
    bad, good = (json.loads(each) for each in done.stdout.splitlines())
    assert bad == {"case": "E", "error": "KeyError: 'E'"}
    assert good["case"] == "D"
    assert good["samples"] == 128
    assert good["version"] == f"numpy {np.__version__}"
