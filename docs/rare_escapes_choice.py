"""Forward-flux sampling against adaptive multilevel splitting, on the same escapes.

``python docs/rare_escapes_choice.py`` prints the table of docs/rare_escapes_choice.md, and with ``tuning`` what
forward-flux sampling gains from each choice: two minutes each on two cores. Both methods are scalar code around the
same step, so that nothing but the method differs.
"""

import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit

SGD, MOMENTUM, ADAM, SGD4 = range(4)
BARRIER, EXIT, LANES, BURN, RECORDS = 0.25, 1.0, 64, 1000, 400
X, DX, M, V, Y, SIZE = 0, 1, 2, 3, 4, 7  # places in a state; three coordinates across the valley follow from Y on


class Chain(NamedTuple):
    """An update rule on the well barrier (x^2 - 1)^2, and the progress x + ahead (x - x_prev) of its escape."""

    rule: int
    lr: float
    beta1: float
    deviation: float
    ahead: float
    first: float


@njit
def step(rng, s, c):
    """Take one step; across the valley (SGD4) the curvature rises from 0.1 at the minimum to 1 at the saddle."""
    x = s[X]
    g = 4.0 * BARRIER * x * (x * x - 1.0) + c.deviation * rng.standard_normal()
    if c.rule == MOMENTUM:
        s[DX] = c.beta1 * s[DX] - c.lr * (1.0 - c.beta1) * g
    elif c.rule == ADAM:
        s[M] = c.beta1 * s[M] + (1.0 - c.beta1) * g
        s[V] = 0.99 * s[V] + 0.01 * g * g
        s[DX] = -c.lr * s[M] / math.sqrt(s[V])
    else:
        if c.rule == SGD4:
            b = max(0.0, 1.0 - x * x)
            for i in range(Y, SIZE):
                g -= 1.8 * b * x * s[i] * s[i]
                s[i] -= c.lr * ((0.1 + 0.9 * b * b) * s[i] + c.deviation * rng.standard_normal())
        s[DX] = -c.lr * g
    s[X] = x + s[DX]


@njit
def progress(s, c):
    """Return how far a state is; the target, x >= EXIT whatever the momentum, is beyond every level."""
    return np.inf if s[X] >= EXIT else s[X] + c.ahead * s[DX]


@njit
def entries(rng, c, steps, pool):
    """Put the entries of a long run into pool; return how many, and the scatter of the progress about the minimum."""
    s, n, armed, square = np.zeros(SIZE), 0, True, 0.0
    for k in range(-BURN, steps):
        if k == -BURN or s[X] >= EXIT:  # Hill's relation: back to the start from the target
            s[:] = 0.0
            s[X], s[V], armed = -1.0, c.deviation**2, True
        step(rng, s, c)
        q = progress(s, c)
        square += (q + 1.0) ** 2 if s[X] < 0.0 else 0.0
        if q <= -1.0:
            armed = True
        elif armed and q >= c.first:
            armed = False
            if k >= 0:
                pool[n] = s
                n += 1
    return n, math.sqrt(square / (steps + BURN))


@njit
def shares(rng, stored, trials, even):
    """Return which stored state each trial starts from: evenly from one random offset, or drawn one by one."""
    start, u = np.empty(trials, np.int64), rng.random()
    for i in range(trials):
        start[i] = min(stored - 1, int((i + u) * stored / trials if even else rng.random() * stored))
    return start


@njit
def climb(rng, s, c, level, states, heights):
    """Run from s to the level or back to the basin; keep the states at each new height, where there is room."""
    q, n, r = progress(s, c), 0, 1
    states[0], heights[0] = s, q
    while -1.0 < q < level:
        step(rng, s, c)
        n += 1
        q = progress(s, c)
        if r < heights.size and q > heights[r - 1]:
            states[r], heights[r] = s, q
            r += 1
    return n, r


@njit
def forward_flux(rng, c, levels, trials, steps, even):
    """Return the rate, the steps spent on entries and on trials, those of LANES lanes in lockstep, states kept."""
    kept, new = np.empty((8 * trials + 64, SIZE)), np.empty((trials, SIZE))
    states, heights, s = np.empty((1, SIZE)), np.empty(1), np.empty(SIZE)
    stored, _ = entries(rng, c, steps, kept)
    rate, spent, locked = stored / steps, 0, 0
    for level in levels:
        if stored == 0:
            break
        start, lanes = shares(rng, stored, trials, even), np.zeros(LANES, np.int64)
        stored = 0
        for i in range(trials):
            s[:] = kept[start[i]]
            n, _ = climb(rng, s, c, level, states, heights)
            spent += n
            lanes[np.argmin(lanes)] += n  # a lane takes the next trial when its own is over
            if progress(s, c) >= level:
                new[stored] = s
                stored += 1
        kept[:stored] = new[:stored]
        locked += LANES * lanes.max()
        rate *= stored / trials
    return rate, steps + BURN, spent, locked, 1.0


@njit
def adaptive(rng, c, number, k, steps, passed):
    """Return the same for paths of which the k lowest are killed at a time; put each level and its rate in passed."""
    pool, s = np.empty((8 * number + 64, SIZE)), np.empty(SIZE)
    states, heights = np.empty((number, RECORDS, SIZE)), np.empty((number, RECORDS))
    records, score = np.zeros(number, np.int64), np.empty(number)
    stored, _ = entries(rng, c, steps, pool)
    rate, spent, locked, z, turn = stored / steps, 0, 0, -np.inf, 0
    killed, parent = np.arange(number), shares(rng, max(1, stored), number, True)
    while killed.size > 0:
        lanes = np.zeros(LANES, np.int64)
        for a in range(killed.size):
            i, j = killed[a], parent[a]
            s[:] = pool[j] if turn == 0 else states[j, np.searchsorted(heights[j, : records[j]], z, side="right")]
            n, records[i] = climb(rng, s, c, np.inf, states[i], heights[i])
            score[i] = heights[i, records[i] - 1]
            spent += n
            lanes[np.argmin(lanes)] += n
        locked += LANES * lanes.max()
        z = score.min() if k == 1 else np.partition(score, k - 1)[k - 1]
        killed, alive = np.flatnonzero(score <= z), np.flatnonzero(score > z)  # ties die together
        if z == np.inf or alive.size == 0:
            break
        rate *= alive.size / number
        passed[turn % 2000], turn = (z, rate), turn + 1
        parent = alive[shares(rng, alive.size, killed.size, False)]
    return rate * (score == np.inf).mean(), steps + BURN, spent, locked, records.mean()


class Case(NamedTuple):
    """What is measured: ratio is barrier over temperature; first the first level, in deviations of the progress.

    coast is how much of the way that the momentum still goes counts as progress; killed the share of the paths killed
    at once, 0 one path, -1 forward-flux sampling with stages of the given chance.
    """

    name: str
    rule: int
    ratio: float
    beta1: float = 0.9
    coast: float = 1.0
    killed: float = -1.0
    chance: float = 0.4
    even: bool = True
    trials: int = 300
    repetitions: int = 200
    first: float = 2.0


def measure(case: Case) -> dict[str, str]:
    """Repeat one method on one problem: costs are those of a repetition times its relative variance, in thousands."""
    rng, lr = np.random.default_rng(1), 0.02 if case.rule == ADAM else 0.05
    noise = 2 * BARRIER / (lr * case.ratio)  # its deviation in Adam, which divides by that; else its variance
    ahead = case.coast * case.beta1 / (1 - case.beta1) if case.rule in (MOMENTUM, ADAM) else 0.0
    chain = Chain(case.rule, lr, case.beta1, noise if case.rule == ADAM else math.sqrt(noise), ahead, np.inf)
    pool, passed = np.empty((100_000, SIZE)), np.full((2000, 2), np.nan)
    chain = chain._replace(first=case.first * entries(rng, chain, 400_000, pool)[1] - 1.0)
    each = 400_000 / entries(rng, chain, 400_000, pool)[0]
    adaptive(rng, chain, 1000, 50, int(1000 * each), passed)  # the pilot
    heights, rates = passed[np.isfinite(passed[:, 0])].T
    wanted = np.arange(math.log(each / case.chance), -math.log(rates[-1]), -math.log(case.chance))
    levels = np.append(np.interp(wanted, -np.log(rates), heights), np.inf)
    killed, steps = max(1, int(case.killed * case.trials)), int(case.trials * each)
    flux = case.killed < 0.0
    how = (levels, case.trials, steps, case.even) if flux else (case.trials, killed, steps, passed)
    method, began = forward_flux if flux else adaptive, time.process_time()
    rate, fed, spent, locked, states = np.array([method(rng, chain, *how) for _ in range(case.repetitions)]).T
    seconds = (time.process_time() - began) / case.repetitions
    square = (rate / rate.mean() - 1.0) ** 2
    variance = square.sum() / (case.repetitions - 1)
    work = variance * np.mean(fed + spent) / 1e3
    error = math.sqrt(np.var(square) / case.repetitions) / np.mean(square) * work
    return {
        "stages": f"{len(levels)}",
        "tau (steps)": f"{1 / rate.mean():.3g} +- {math.sqrt(variance / case.repetitions):.1%}",
        "variance": f"{variance:.2f}",
        "steps": f"{work:.3g} +- {error:.2g}",
        "lane-steps": f"{variance * np.mean(fed + locked) / 1e3:.3g}",
        "CPU ms": f"{1e3 * variance * seconds:.2g}",
        "busy": f"{spent.sum() / locked.sum():.0%}",
        "states": f"{states.max():.0f}",
    }


def methods() -> list[tuple[str, Case]]:
    """Return the two methods on the same problems."""
    wells = [Case("SGD", SGD, ratio) for ratio in (4.72, 13.9, 23.1, 30.0)]
    wells += [Case("Momentum", MOMENTUM, 13.9), Case("Momentum", MOMENTUM, 30.0)]
    wells += [Case("Adam", ADAM, 23.1), Case("SGD, n = 4", SGD4, 13.9)]
    kills = {"forward flux": -1.0, "AMS, k = 1": 0.0, "AMS, k = N/4": 0.25, "AMS, k = N/2": 0.5}
    return [(name, case._replace(killed=killed)) for case in wells for name, killed in kills.items()]


def tuning() -> list[tuple[str, Case]]:
    """Return the choices within forward-flux sampling."""
    base = Case("SGD", SGD, 23.1)
    cases = [(f"chance of a stage {p}", base._replace(chance=p)) for p in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)]
    cases += [("starts drawn one by one", base._replace(even=False))]
    cases += [(f"{n} trials", base._replace(trials=n, repetitions=60_000 // n)) for n in (30, 60, 100, 1000)]
    cases += [(f"first level at {f}", base._replace(first=f)) for f in (0.5, 1.0, 3.0)]
    inert = [Case("Momentum", MOMENTUM, 23.1), Case("Momentum", MOMENTUM, 13.9, 0.98), Case("Adam", ADAM, 23.1)]
    cases += [(f"beta1 {x.beta1}, coast {f}", x._replace(coast=f)) for x in inert for f in (0.0, 0.5, 1.0)]
    return [(name, case._replace(repetitions=3 * case.repetitions // 2)) for name, case in cases]


def main() -> None:
    """Print a table."""
    for killed in (-1.0, 0.0):  # compiled once, before the processes part
        measure(Case("", SGD, 4.72, killed=killed, trials=20, repetitions=2))
    cases = tuning() if sys.argv[1:] == ["tuning"] else methods()
    with ProcessPoolExecutor(2) as pool:
        for i, cost in enumerate(pool.map(measure, [case for _, case in cases])):
            name, case = cases[i]
            if i == 0:
                print("| rule | choice |", " | ".join(cost), "|\n| --- | --- |", " | ".join(["--:"] * len(cost)), "|")
            print(f"| {case.name}, {case.ratio:g} | {name} |", " | ".join(cost.values()), "|", flush=True)


if __name__ == "__main__":
    main()
