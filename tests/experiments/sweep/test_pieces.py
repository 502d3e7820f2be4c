"""Which trajectories are there, which are missing, and how the missing ones are cut, against brute force."""

from hypothesis import given, settings
from hypothesis import strategies as st
from saddlescape.experiments.sweep.conductor import Shard
from saddlescape.experiments.sweep.pieces import Piece, cells, cover, usable


@st.composite
def holdings(draw: st.DrawFn) -> tuple[list[tuple[int, int]], int, int]:
    """Draw ranges that are there (they may overlap, end in the middle of a row, or lie beyond), N and the grain."""
    grain = draw(st.sampled_from([1, 2, 4, 5]))
    total = draw(st.integers(1, 60))
    start = st.integers(0, 15).map(lambda k: k * grain)
    held = [(at, at + draw(st.integers(1, 30))) for at in draw(st.lists(start, max_size=8))]
    return held, total, grain


def rows_of(held: tuple[int, int], grain: int) -> list[tuple[int, int]]:
    """Return the rows that a range was stored in: the last may be shorter."""
    return [(at, min(at + grain, held[1])) for at in range(held[0], held[1], grain)]


@settings(max_examples=300, deadline=None)
@given(holdings())
def test_pieces_and_missing_ranges_make_up_every_trajectory_once(case: tuple[list[tuple[int, int]], int, int]) -> None:
    held, total, grain = case
    pieces, missing = cover(held, total, grain)
    taken: list[int] = []
    for piece in pieces:
        rows = rows_of(held[piece.source], grain)
        assert 0 <= piece.start < piece.stop <= len(rows)
        for start, stop in rows[piece.start : piece.stop]:
            assert (start, stop) in rows_of((0, total), grain), "a row of another length than the undivided run has"
            taken += range(start, stop)
    assert taken == sorted(taken), "pieces are in order"
    lacking = [number for start, stop in missing for number in range(start, stop)]
    assert sorted(taken + lacking) == list(range(total))
    assert all(start % grain == 0 and start < stop for start, stop in missing)


@settings(max_examples=300, deadline=None)
@given(holdings())
def test_nothing_that_is_there_is_run_again(case: tuple[list[tuple[int, int]], int, int]) -> None:
    held, total, grain = case
    asked = rows_of((0, total), grain)
    there = {row for each in held for row in rows_of(each, grain)} & set(asked)
    _, missing = cover(held, total, grain)
    lacking = {number for start, stop in missing for number in range(start, stop)}
    assert lacking == {number for row in asked if row not in there for number in range(*row)}


@settings(max_examples=100, deadline=None)
@given(holdings(), st.integers(1, 6))
def test_missing_ranges_are_cut_at_multiples_of_the_unit_size(
    case: tuple[list[tuple[int, int]], int, int], rows: int
) -> None:
    held, total, grain = case
    size = rows * grain
    found = cells(cover(held, total, grain)[1], size)
    lacking = {n for start, stop in cover(held, total, grain)[1] for n in range(start, stop)}
    assert sorted(n for _, start, stop in found for n in range(start, stop)) == sorted(lacking)
    for number, start, stop in found:
        assert number * size <= start < stop <= (number + 1) * size
        assert start % grain == 0


@settings(max_examples=100, deadline=None)
@given(holdings(), st.integers(1, 6), st.integers(1, 5))
def test_each_missing_trajectory_belongs_to_one_member_of_a_job_array_whatever_is_there(
    case: tuple[list[tuple[int, int]], int, int], rows: int, members: int
) -> None:
    held, total, grain = case
    size = rows * grain

    def owners(held: list[tuple[int, int]]) -> dict[int, int]:
        found: dict[int, int] = {}
        for index in range(1, members + 1):
            for number, start, stop in cells(cover(held, total, grain)[1], size):
                if Shard(index, members).takes(number):
                    for trajectory in range(start, stop):
                        assert trajectory not in found, "two members run it"
                        found[trajectory] = index
        return found

    empty, partly = owners([]), owners(held)
    assert sorted(empty) == list(range(total))
    assert partly.items() <= empty.items()


def test_a_row_cut_short_is_of_no_use_to_a_longer_run() -> None:
    assert usable((0, 1500), 3000, 1024) == 1024
    assert usable((0, 1500), 1500, 1024) == 1500
    assert cover([(0, 1500)], 3000, 1024) == ([Piece(0, 0, 1)], [(1024, 3000)])
    assert cover([(0, 1500)], 3000, 1) == ([Piece(0, 0, 1500)], [(1500, 3000)])
    # Fewer than are there: only rows that the undivided run of so many would have.
    assert cover([(0, 3000)], 1500, 1024) == ([Piece(0, 0, 1)], [(1024, 1500)])
