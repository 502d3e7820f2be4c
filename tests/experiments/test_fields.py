from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from saddlescape.experiments.fields import REQUIRED, Field, as_text, documented, fields, whole
from saddlescape.experiments.refusals import InputError, nearest

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def field(*kinds: Any) -> Field:
    return Field("some_field", kinds, None, "")


class Base(NamedTuple):
    """A base.

    Parameters
    ----------
    first, second
        Said of both,
        on two lines.
    third : float
        Only this.

    Raises
    ------
    ValueError
        Never.
    """

    first: float = 1.0
    second: int = 2
    third: float | None = None
    made: Any = None

    @classmethod
    def derived(cls):
        return ("made",)


class Derived(Base):
    """Another.

    Parameters
    ----------
    third
        Said anew.
    """


def make(text: str, *, how: Literal["a", "b"] = "a") -> Base:
    """Make one.

    Parameters
    ----------
    text
        What of.
    how
        Which way.
    """
    return Base()


def test_fields_are_read_from_the_class_and_its_docstring() -> None:
    assert fields(Base) == [
        Field("first", (float,), 1.0, "Said of both, on two lines."),
        Field("second", (int,), 2, "Said of both, on two lines."),
        Field("third", (float,), None, "Only this."),
    ]
    assert documented(Derived) == documented(Base) | {"third": "Said anew."}


def test_a_function_has_fields_too_and_text_is_spelled_expression() -> None:
    text, how = fields(make)
    assert (text.flag, text.default, text.doc) == ("--expression", REQUIRED, "What of.")
    assert how.choices == ("a", "b")


@pytest.mark.parametrize(
    ("text", "value"),
    [("4000", 4000), ("1e6", 10**6), ("1_000_000", 10**6), ("-3", -3), ("18446744073709551615", 2**64 - 1), ("2.0", 2)],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert field(int).parse(text) == value
    assert isinstance(field(int).parse(text), int)


@pytest.mark.parametrize("text", ["1.5", "1e-3", "nan", "inf", "1e999999999", "x", "1,2", "--lr"])
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--some-field=.* must be a whole number"):
        whole("--some-field", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-1,0.1,.01", [-1.0, 0.1, 0.01]),
        ("1, 2", [1.0, 2.0]),
        ("1,2;3,4", [[1.0, 2.0], [3.0, 4.0]]),
        ("2.5;", [[2.5]]),
        ("5", [5.0]),
    ],
)
def test_arrays(text: str, value: list[Any]) -> None:
    np.testing.assert_array_equal(field(np.ndarray).parse(text), np.array(value), strict=True)


def test_a_number_and_a_seed_stay_what_they_are_where_an_array_may_stand() -> None:
    assert field(Any).parse("3") == 3
    assert field(Any).parse("-2.5") == -2.5
    np.testing.assert_array_equal(field(Any).parse("3,"[:-1] + ",4"), [3.0, 4.0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,,2", "without a gap"),
        ("1,a", "=a must be a number"),
        ("1,2;3", "rows of one length, not 2, 1"),
        ("missing.npy", "no such file"),
        ("", "needs a value"),
        (" ", "needs a value"),
    ],
)
def test_bad_arrays_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        field(np.ndarray).parse(text)


def test_an_array_from_a_file_is_never_unpickled(tmp_path: Any) -> None:
    good, bad, text = tmp_path / "good.npy", tmp_path / "bad.npy", tmp_path / "text.npy"
    np.save(good, np.arange(4).reshape(2, 2))
    np.save(bad, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    text.write_text("1,2")
    np.testing.assert_array_equal(field(Any).parse(str(good)), np.arange(4.0).reshape(2, 2))
    for path in (bad, text):
        with pytest.raises(InputError, match="cannot be read as an array"):
            field(Any).parse(str(path))


def test_a_choice_is_one_of_its_words() -> None:
    chosen = field(Literal["rest", "thermal"])
    assert chosen.parse("thermal") == "thermal"
    with pytest.raises(InputError, match=r"must be one of rest, thermal; did you mean thermal\?"):
        chosen.parse("termal")


@given(st.lists(FINITE, min_size=2, max_size=5))
def test_a_row_is_read_back_as_it_was(row: list[float]) -> None:
    np.testing.assert_array_equal(field(Any).parse(as_text(np.array(row))), row)


@given(st.lists(st.lists(FINITE, min_size=2, max_size=2), min_size=1, max_size=3))
def test_a_matrix_is_read_back_as_it_was(rows: list[list[float]]) -> None:
    np.testing.assert_array_equal(field(Any).parse(as_text(np.array(rows))), np.array(rows), strict=True)


@given(FINITE)
def test_a_number_is_read_back_as_it_was(x: float) -> None:
    assert field(float).parse(as_text(x)) == x


def test_the_nearest_name_is_suggested() -> None:
    assert nearest("quartik", ["quartic", "saddle"]) == "; did you mean quartic?"
    assert nearest("zzz", ["quartic"], "; none") == "; none"
