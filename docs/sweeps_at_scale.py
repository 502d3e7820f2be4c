"""How sweeps behave at scale: a simulation, and the measurements that it starts from.

``python docs/sweeps_at_scale.py`` prints the table of docs/sweeps_at_scale.md (a minute at most).
``python docs/sweeps_at_scale.py engines | scheduler | store`` measures what each costs here.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCHEDULER, SCHEDULER_IDLE = 1.0e-3, 0.06
"""CPU seconds that Dask's scheduler takes for a unit, and each second for what 1,000 workers tell of themselves."""
CLIENT = 0.6e-3
"""CPU seconds that the process which conducts takes for a unit, its part of a shard included."""
SHARD = 10e-3
"""Seconds to write a shard: two files, each synced."""
LATENCY = 1e-3
"""Seconds that a message takes."""
AT_WORKER, WINDOW = 2, 3
"""Units that Dask hands to a thread at once, and units under way for each thread."""
SHARED = 1.0
"""Seconds within which finished units share a shard."""
MANIFEST_UNIT, MANIFEST_SHARD = 87, 190
"""Bytes that a unit takes in a manifest, and what is there besides."""
LIFETIME, ABSENCE = 100 * 3600.0, 120.0
"""Seconds that a worker lives on average, and until another takes its place."""


class Simulated(NamedTuple):
    """What became of a sweep.

    Parameters
    ----------
    seconds
        From the first unit sent to the last result.
    busy
        Share of the workers' time that went into units whose results were kept.
    scheduler, client
        Share of the time for which each was busy.
    endgame
        Seconds from the moment when no unit is left to send.
    deaths, again
        Workers that died, and units that were run again for it.
    shards
        Files of results.
    manifests
        Bytes of all manifests.
    """

    seconds: float
    busy: float
    scheduler: float
    client: float
    endgame: float
    deaths: int
    again: int
    shards: int
    manifests: int


def simulate(
    workers: int, units: int, mean: float, *, even: bool = False, at_worker: int = AT_WORKER, seed: int = 0
) -> Simulated:
    """Run a sweep on workers of one thread each.

    Parameters
    ----------
    workers, units
        How many.
    mean
        Seconds that a unit takes: exponential ones, or with ``even`` a fifth up and down.
    at_worker
        Units that a worker has at once.
    seed
        Of the times and of the deaths.
    """
    draw = random.Random(seed)
    heap: list[tuple[float, int, int, int]] = []  # time, what, worker, life of the worker
    finish, arrive, die, join = range(4)
    unsent, queued = units, 0  # with the client; with the scheduler and given to no worker
    done = again = deaths = shards = 0
    useful = now = endgame = 0.0
    scheduler = client = 0.0  # the time until which each is busy
    scheduler_busy = client_busy = 0.0
    shard_opened = -inf
    life = [0] * workers
    running: list[float | None] = [None] * workers  # how long the unit of a worker takes
    waiting: list[deque[float]] = [deque() for _ in range(workers)]  # when the units beside it came
    free = deque(worker for _ in range(at_worker) for worker in range(workers))  # a place for a unit each
    idle_share = SCHEDULER_IDLE * workers / 1000
    service = SCHEDULER / (1 - idle_share) / 2  # once when it is sent, once when it ends

    def begin(worker: int, at: float) -> None:
        running[worker] = draw.uniform(0.8 * mean, 1.2 * mean) if even else draw.expovariate(1 / mean)
        heappush(heap, (at + running[worker], finish, worker, life[worker]))

    def give(worker: int, at: float) -> None:
        if running[worker] is None:
            begin(worker, at)
        else:
            waiting[worker].append(at)

    def send(at: float) -> None:
        nonlocal client, client_busy, unsent, endgame
        client = max(client, at) + CLIENT
        client_busy += CLIENT
        if unsent:
            unsent -= 1
            heappush(heap, (client + LATENCY, arrive, 0, 0))
            endgame = client

    for _ in range(min(units, WINDOW * workers)):
        send(0.0)
    for worker in range(workers):
        heappush(heap, (draw.expovariate(1 / LIFETIME), die, worker, 0))
    while done < units:
        now, what, worker, age = heappop(heap)
        if what == arrive:
            scheduler = max(scheduler, now) + service
            scheduler_busy += service
            queued += 1
        elif what == finish:
            if age != life[worker]:
                continue  # it died meanwhile
            done += 1
            useful += running[worker] or 0.0
            running[worker] = None
            if waiting[worker]:
                begin(worker, max(now, waiting[worker].popleft()))
            free.append(worker)
            scheduler = max(scheduler, now) + service
            scheduler_busy += service
            back = max(client, scheduler + 2 * LATENCY)
            if back > shard_opened + SHARED:
                shard_opened, shards = back, shards + 1
                client, client_busy = back + SHARD, client_busy + SHARD
            send(back)
        elif what == die:
            deaths += 1
            life[worker] += 1
            lost = len(waiting[worker]) + (running[worker] is not None)
            again += running[worker] is not None
            queued += lost
            waiting[worker].clear()
            running[worker] = None
            free = deque(each for each in free if each != worker)
            heappush(heap, (now + ABSENCE, join, worker, 0))
        else:
            free.extend([worker] * at_worker)
            heappush(heap, (now + draw.expovariate(1 / LIFETIME), die, worker, 0))
        while queued and free:
            queued -= 1
            give(free.popleft(), scheduler + LATENCY)
    return Simulated(
        seconds=now,
        busy=useful / (workers * now),
        scheduler=scheduler_busy * (1 - idle_share) / now + idle_share,
        client=client_busy / now,
        endgame=now - endgame,
        deaths=deaths,
        again=again,
        shards=shards,
        manifests=MANIFEST_UNIT * units + MANIFEST_SHARD * shards,
    )


def table() -> None:
    """Print what becomes of sweeps of several sizes."""
    print("| workers | units | a unit (s) | takes | workers busy | scheduler | client | end ", end="")
    print("| deaths | shards | manifests |")
    print("| --: " * 11 + "|")
    for workers, units, mean, how in [
        (10, 1_000, 10, ""),
        (10, 10_000, 1, ""),
        (100, 10_000, 10, ""),
        (100, 100_000, 1, ""),
        (100, 100_000, 10, ""),
        (1000, 10_000, 60, ""),
        (1000, 10_000, 60, "one each"),
        (1000, 10_000, 60, "even"),
        (1000, 100_000, 1, ""),
        (1000, 100_000, 10, ""),
        (1000, 100_000, 10, "one each"),
        (1000, 100_000, 10, "even"),
        (1000, 100_000, 60, ""),
        (1000, 1_000_000, 1, ""),
        (1000, 1_000_000, 3, ""),
        (1000, 1_000_000, 10, ""),
        (1000, 1_000_000, 60, ""),
    ]:
        s = simulate(workers, units, mean, even=how == "even", at_worker=1 if how == "one each" else AT_WORKER)
        print(
            f"| {workers:,} | {units:,} | {mean}{how and f', {how}'} | {duration(s.seconds)} | {s.busy:.1%} "
            f"| {s.scheduler:.0%} | {s.client:.0%} | {duration(s.endgame)} | {s.deaths:,} | {s.shards:,} "
            f"| {s.manifests / 1e6:.1f} MB |",
            flush=True,
        )


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def empty(task: Any, stop: Any = None) -> Any:
    """Take no time and return what 1,000 trajectories do."""
    from saddlescape.experiments.sweep.unit import Done

    return Done(task.unit, {"steps": np.zeros(1000, np.int64), "outcome": np.zeros(1000, np.int8)}, 0.0, 1000)


def run_all(engine: Any, units: int) -> float:
    """Run empty units as a sweep does and return the seconds that one takes."""
    from saddlescape.experiments.sweep.unit import Task, Unit

    described = {"question": "escape", "run": dict.fromkeys(map(str, range(30)), 1.0)}
    sent = done = 0
    began = time.perf_counter()
    while done < units:
        while sent < units and engine.under_way < engine.room:
            engine.submit(Task(Unit("0123456789abcdef", 1000 * sent, 1000 * (sent + 1)), described))
            sent += 1
        done += len(engine.finished(10.0))
    return (time.perf_counter() - began) / units


@contextmanager
def cluster(workers: int, threads: int, processes: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and workers, so many in a process; the first process is the scheduler's."""
    address = "tcp://127.0.0.1:28786"
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    host = [sys.executable, __file__, "workers", address, str(workers // processes), str(threads)]
    with open(os.devnull, "wb") as silence:
        started = [subprocess.Popen(dask, env=here, stderr=silence)]
        started += [subprocess.Popen(host, env=here, stderr=silence) for _ in range(processes)]
        try:
            yield address, started
        finally:
            for process in started:
                process.kill()
                process.wait()


def host_workers(address: str, count: str, threads: str) -> None:
    """Be so many workers at once, each with a connection of its own; ended from outside."""
    import asyncio

    from distributed import Worker

    async def serve() -> None:
        made = [Worker(address, nthreads=int(threads), dashboard_address=":0") for _ in range(int(count))]
        await asyncio.gather(*made)
        await asyncio.gather(*(worker.finished() for worker in made))

    asyncio.run(serve())


def measure_engines() -> None:
    """Print the wall time of an empty unit in each engine, two workers each."""
    from saddlescape.experiments.sweep.engines.cluster import Cluster
    from saddlescape.experiments.sweep.engines.processes import Processes
    from saddlescape.experiments.sweep.engines.threads import Threads
    from sweeps_at_scale import empty  # by a name that other processes find

    with cluster(2, 1, 2) as (address, _):
        for engine in (Threads(2, empty), Processes(2, empty), Cluster(address, empty)):
            with engine:
                while engine.workers < 2:
                    engine.finished(0.1)
                run_all(engine, 300)
                spent = sorted(1e3 * run_all(engine, 2000) for _ in range(5))
                print(f"{engine.name:60s} {spent[2]:.3f} ms a unit ({spent[0]:.3f} to {spent[-1]:.3f})")


def measure_scheduler() -> None:
    """Print the CPU time that the scheduler and the client take, with few workers and with many."""
    import psutil
    from saddlescape.experiments.sweep.engines.cluster import Cluster
    from sweeps_at_scale import empty

    def cpu(process: subprocess.Popen[bytes]) -> float:
        return float(sum(psutil.Process(process.pid).cpu_times()[:2]))

    for workers, threads, processes in ((2, 1, 2), (2, 16, 2), (20, 1, 2), (50, 1, 2), (100, 1, 2)):
        with cluster(workers, threads, processes) as (address, started), Cluster(address, empty) as engine:
            while engine.workers < workers * threads:
                engine.finished(0.1)
            run_all(engine, 5 * workers * threads)
            time.sleep(1.0)
            before, began = cpu(started[0]), time.perf_counter()
            time.sleep(8.0)
            idle = (cpu(started[0]) - before) / (time.perf_counter() - began)
            before, own, units = cpu(started[0]), time.process_time(), 2000
            wall = run_all(engine, units)
            spent = 1e3 * (cpu(started[0]) - before) / units, 1e3 * (time.process_time() - own) / units
            peak = psutil.Process(started[0].pid).memory_info().rss / 1e6
            print(
                f"{workers} workers of {threads}: scheduler {spent[0]:.2f} ms a unit, client {spent[1]:.2f}, "
                f"wall {1e3 * wall:.2f}; scheduler idle {idle:.1%}, {peak:.0f} MB",
                flush=True,
            )


def measure_store(units: int = 100_000, each: int = 33) -> None:
    """Print what a folder of so many units, so many in a shard, takes on disk and to be read again."""
    from saddlescape.experiments.sweep.store import SHARDS, Store
    from saddlescape.experiments.sweep.unit import Done, Task, Unit

    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        store, began, writing = Store(Path(folder)), time.perf_counter(), []
        for number in range(units):
            unit = Unit(f"{number // 500:016x}", 1000 * (number % 500), 1000 * (number % 500 + 1))
            done = empty(Task(unit, {}))
            done.arrays["steps"][:] = draw.geometric(1e-4, 1000)
            store.add(Done(unit, done.arrays, 29.123456, 10_123_456))
            if number % each == each - 1:
                start = time.perf_counter()
                store.flush()
                writing.append(time.perf_counter() - start)
        store.flush()
        wrote = time.perf_counter() - began
        manifests, results = (
            [path.stat().st_size for path in Path(folder, SHARDS).glob(f"*{kind}")] for kind in (".json", ".npz")
        )
        print(f"{units:,} units in {len(manifests):,} shards: manifests {sum(manifests) / 1e6:.1f} MB, ", end="")
        print(f"{sum(manifests) / units:.0f} bytes a unit; results {sum(results) / 1e6:.0f} MB")
        print(f"written in {wrote:.0f} s, a shard in {1e3 * float(np.median(writing)):.1f} ms")
        for verify in (True, False):
            start = time.perf_counter()
            again = Store(Path(folder), verify=verify)
            held = sum(1 for _ in again.all_units())
            print(f"read again in {time.perf_counter() - start:.1f} s, verify={verify}: {held:,} units")


def main(arguments: list[str]) -> None:
    """Do what is asked for."""
    match arguments:
        case []:
            table()
        case ["engines"]:
            measure_engines()
        case ["scheduler"]:
            measure_scheduler()
        case ["store", *sizes]:
            measure_store(*map(int, sizes))
        case ["workers", address, count, threads]:
            host_workers(address, count, threads)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
