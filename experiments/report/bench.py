"""The result of ``saddlescape bench``."""

from typing import Any

from ..contest import OURS, Contest, Contestant, Measurement, Reference
from ..figures.bench import draw
from ..peers.exact import Answer
from ..peers.interface import CASES, Work
from ..verdict import AGREES, DIFFERS
from .again import command
from .interface import CONTRADICTED, Block, Claim, Made, Picture, Prose, Section, Source, Table


def section(source: Source) -> Section:
    """Return a contest as a section."""
    told = source.told
    contest = restored(told)
    blocks: list[Block] = []
    if any(contest.standings(case) for case in contest.cases):
        blocks.append(Picture(draw(contest), _alt(contest), _caption(contest)))
    blocks += [_table(contest, case) for case in contest.cases if contest.standings(case)]
    blocks += [Prose(f"Not measured: {label}: {reason}.") for label, reason in contest.absent.items()]
    machine = told["machine"]
    asked = (
        "How fast is this package beside its peers, on the same work? Each contestant does the same cases in turn, "
        f"{contest.rounds} interleaved rounds after a warm-up, on one thread; its answers are compared with what is "
        f"exact, or with NumPy's, within {told['tolerance']:g} standard errors. Measured on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}."
        + (" The run was interrupted: this is what was measured by then." if contest.interrupted else "")
    )
    contestants = ",".join(f"{each.name}:{each.variant}" for each in contest.contestants)
    again = command(
        "bench", cases=",".join(contest.cases), contestants=contestants, rounds=contest.rounds, scale=contest.scale
    )
    made = Made(again, told["version"])
    return Section("This package beside its peers", asked, tuple(_claims(contest)), tuple(blocks), made, source.name)


def restored(told: dict[str, Any]) -> Contest:
    """Return the contest that a JSON object tells of."""
    labels = dict.fromkeys(label for case in told["cases"].values() for label in case["standings"])
    references = {}
    for name, case in told["cases"].items():
        if (known := case["reference"]) is not None:
            samples = float("inf") if known["samples"] is None else known["samples"]
            answers = {answer: Answer(**each) for answer, each in known["answers"].items()}
            references[name] = Reference(known["source"], answers, samples)
    return Contest(
        cases=tuple(told["cases"]),
        contestants=tuple(Contestant(*label.split(" ", 1)) for label in labels),
        rounds=told["rounds"],
        scale=told["scale"],
        measurements=[
            Measurement(**{name: each[name] for name in Measurement._fields}) for each in told["measurements"]
        ],
        found={
            (name, label): _work(work)
            for name, case in told["cases"].items()
            for label, work in case["answers"].items()
        },
        references=references,
        absent=told["absent"],
        versions=told["contestants"],
        machine=told["machine"],
        interrupted=told["interrupted"],
    )


def _work(told: dict[str, Any]) -> Work:
    answers = {name: float("nan") if value is None else value for name, value in told["answers"].items()}
    return Work(told["units"], answers, told["samples"])


def _claims(contest: Contest) -> list[Claim]:
    """Return whether this package's answers agree, case by case."""
    claims = []
    for case, reference in contest.references.items():
        ours = [each for each in contest.standings(case) if each.contestant.split()[0] == OURS]
        wrong = [each for each in ours if each.differs]
        if ours:
            outcome = AGREES if not wrong else CONTRADICTED if reference.source == "exact" else DIFFERS
            said = "; ".join(f"{each.contestant}: {each.differs}" for each in wrong)
            against = "exact answers" if reference.source == "exact" else f"the answers of {reference.source}"
            claims.append(
                Claim(f"Benchmark {case}: {CASES[case].says}", against, outcome, compared=len(ours), says=said)
            )
    return claims


def _table(contest: Contest, case: str) -> Table:
    rows: list[Any] = []
    for each in contest.standings(case):
        ratios = (None if ratio is None else ratio.median for ratio in (each.speedup, each.of_limit))
        rows.append((each.contestant, *each.ns, *ratios, f"differs: {each.differs}" if each.differs else "agree"))
    headings = ("contestant", "ns, median", "ns, lowest", "ns, highest", "× NumPy", "× limit's time", "answers")
    if case not in contest.references:
        headings = (*headings[:-1], "answers, not compared")
    return Table(f"Case {case}, {CASES[case].says}: CPU time per useful trajectory-step-dimension", headings, rows)


def _caption(contest: Contest) -> str:
    told = []
    for case in contest.cases:
        ours = [each for each in contest.standings(case) if each.contestant.split()[0] == OURS and each.speedup]
        if ours and ours[0].speedup:
            told.append(f"{case} {ours[0].speedup.median:.3g}")
    fast = f" {OURS} in double precision over NumPy: {', '.join(told)}." if told else ""
    return (
        f"Medians of {contest.rounds} rounds, lines from the lowest to the highest; bars of this package in blue, its "
        f"peers in grey.{fast}"
    )


def _alt(contest: Contest) -> str:
    return (
        f"{len(contest.cases)} panels, one a case, with a horizontal bar for each of {len(contest.contestants)} "
        "contestants on a logarithmic axis, its number at its end."
    )
