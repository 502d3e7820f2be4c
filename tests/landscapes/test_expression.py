import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from saddlescape.landscapes.derivation import source
from saddlescape.landscapes.expression import from_expression
from saddlescape.landscapes.formula import parse
from saddlescape.landscapes.interface import gradient_at, hessian_at, value_at
from saddlescape.landscapes.mueller_brown import AMPLITUDE, CENTRE_X, CENTRE_Y, XX, XY, YY, MuellerBrown
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.landscapes.styblinski_tang import StyblinskiTang


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("__import__('os').system('x')", "is not arithmetic"),
        ("x.__class__", "is not arithmetic"),
        ("(lambda: 1)()", "is not arithmetic"),
        ("x[0]", "is not arithmetic"),
        ("[x for x in (1,)][0]", "is not arithmetic"),
        ("f'{x}'", "is not arithmetic"),
        ("x if x else y", "is not arithmetic"),
        ("x < 1", "is not arithmetic"),
        ("x // 2", "is not arithmetic"),
        ("print(x)", "print is no function here"),
        ("open('f')", "open is no function here"),
        ("sin(x, y)", "sin takes one argument"),
        ("sin(x=1)", "sin takes one argument"),
        ("sin(*x)", "is not arithmetic"),
        ("sin", r"sin takes its argument in parentheses: sin\(x\)"),
        ("True + x", "'True' is not a real number"),
        ("1j*x", "'1j' is not a real number"),
        ("'a'*x", "is not a real number"),
        ("x^2", r"'x\^2' uses \^; write \*\* for a power"),
        ("2x", r"a product is written with \*"),
        ("", "it is empty"),
        ("x :=1", "invalid syntax"),
        ("x\0", "null byte"),
        ("sn(x)", "sn is no function here .nearest: sin."),
        ("thta1*x", "thta1 is no name here .nearest: theta1."),
        ("theta*x", "theta is no name here .nearest: theta"),
        ("x + x1", "named in 2 ways: x, x1"),
        ("3*pi", "it holds no coordinate"),
        ("9**9**9**9", "an exponent beyond 64"),
        ("((64**64)**64)**64*x", "a number beyond 1e308"),
        ("1e999*x", "a number beyond 1e308"),
        ("9" * 4900 + "*x", "Exceeds the limit|a number beyond 1e308"),
        ("exp(exp(exp(9)))*x", r"exp\(8103.08\) is not a number"),
        ("log(-1)*x", r"log\(-1\) is not a number"),
        ("(-2)**0.5*x", "a root of a number below 0"),
        ("x/(1 - 1)", "it divides by 0"),
        ("0**-1*x", "it divides by 0"),
        ("x**y", "an exponent with coordinates needs a number above 0"),
        ("sin(" * 40 + "x" + ")" * 40, "nested more than 30 deep"),
        ("(" * 300 + "x" + ")" * 300, "too many nested parentheses"),
        ("-" * 1000 + "x", "1001 operations and operands|nested"),
        ("x+" * 50_000 + "x", "text has 100001 characters"),
        ("+".join(f"x{i}" for i in range(1, 30)), "29 coordinates; a formula has at most 20"),
        ("*".join(f"(x+{i})" for i in range(70)), "derivatives are too long"),
    ],
)
def test_a_text_that_is_no_formula_is_refused_at_once_in_one_line(text, reason):
    began = time.perf_counter()
    with pytest.raises(ValueError, match=reason) as caught:
        from_expression(text)
    assert time.perf_counter() - began < 5.0
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_only_text_is_text():
    with pytest.raises(TypeError, match="text=3 must be a text, not int"):
        from_expression(3)  # type: ignore[arg-type]


COEFFICIENT = st.integers(-9, 9) | st.sampled_from(["0.5", "1e-2", "2.25", "(1/3)"])
TERM = st.tuples(COEFFICIENT, st.integers(0, 9), st.integers(0, 4))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(TERM, min_size=1, max_size=5), st.booleans())
def test_a_polynomial_has_the_value_gradient_and_hessian_that_sympy_gives(terms, wrapped):
    body = " + ".join(f"({c})*x**{i}*(y - 1)**{k}" for c, i, k in terms) + " + 0*x*y"
    text = f"sin({body})/(1.5 + cos(x))" if wrapped else body
    x, y = sympy.symbols("x y")
    loss = sympy.sympify(body, rational=True)
    loss = sympy.sin(loss) / (sympy.Rational(3, 2) + sympy.cos(x)) if wrapped else loss
    first = [sympy.diff(loss, s) for s in (x, y)]
    module: dict = {}
    exec(_standalone(text), module)
    landscape = module["Text"]()
    for point in ((0.3, -0.7), (-1.1, 0.4)):
        at = dict(zip((x, y), map(sympy.Rational, map(str, point)), strict=True))
        exact = [float(v.subs(at).evalf(30)) for v in (loss, *first)]
        bends = [[float(sympy.diff(f, s).subs(at).evalf(30)) for s in (x, y)] for f in first]
        scale = 1e-13 * (1.0 + sum(abs(float(sympy.Rational(str(c).strip("()")))) * 100 for c, _, _ in terms)) ** 2
        assert abs(value_at(landscape, point) - exact[0]) < scale
        np.testing.assert_allclose(gradient_at(landscape, point), exact[1:], rtol=1e-12, atol=scale)
        np.testing.assert_allclose(hessian_at(landscape, point), bends, rtol=1e-12, atol=scale)


def _standalone(text):
    """The generated source without the cache folder: hundreds of random texts are not kept."""
    return source(parse(text), text, "saddlescape.landscapes.expression", "Text")


def test_powers_are_products_and_common_parts_are_computed_once():
    written = _standalone("(x - 1)**8 + sin(x*y)*cos(x*y) + (x*y)**0.5 + x**-2")
    assert "**" not in written.split("coordinates")[1]
    assert "math.pow" not in written
    value = written.split("def value")[1].split("def gradient")[0]
    assert value.count("x*y") == 1


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 8, 13, 64])
def test_integer_powers(size):
    well = from_expression(f"x**{size} + (1 + x)**-{size}")
    assert abs(value_at(well, [1.1]) / (1.1**size + 2.1**-size) - 1.0) < 1e-13


def test_coordinates_come_in_natural_order():
    assert parse("x10 + x9*x1").coordinates == ("x1", "x9", "x10")
    assert parse("z + x").coordinates == ("x", "z")
    assert parse("theta2*theta1").coordinates == ("theta1", "theta2")


def test_the_quartic_as_text_is_the_quartic():
    text, well = from_expression("0.25*(x**2 - 1)**2"), QuarticWell().check()
    for x in np.linspace(-1.7, 1.7, 9):
        np.testing.assert_allclose(gradient_at(text, [x]), gradient_at(well, [x]), rtol=0, atol=1e-15)
        np.testing.assert_allclose(hessian_at(text, [x]), hessian_at(well, [x]), rtol=0, atol=1e-14)
    for mine, theirs in zip(text.escape(), well.escape(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-15)
    assert text.has_eigenbasis()


def test_mueller_brown_as_text_is_mueller_brown():
    terms = [
        f"({a})*exp(({p})*(x-({u}))**2 + ({q})*(x-({u}))*(y-({v})) + ({r})*(y-({v}))**2)"
        for a, p, q, r, u, v in zip(AMPLITUDE, XX, XY, YY, CENTRE_X, CENTRE_Y, strict=True)
    ]
    text, surface = from_expression(" + ".join(terms), bounds=[[-1.5, 1.2], [-0.5, 2.0]]), MuellerBrown()
    assert not hasattr(text, "has_eigenbasis")
    for x in ((-0.5, 1.4), (0.3, 0.1), (-1.2, 1.8)):
        np.testing.assert_allclose(gradient_at(text, x), gradient_at(surface, x), rtol=1e-12)
        np.testing.assert_allclose(hessian_at(text, x), hessian_at(surface, x), rtol=1e-11, atol=1e-9)
    assert len(text.minima()) == 3
    np.testing.assert_allclose(sorted(text.minima().tolist()), sorted(surface.minima().tolist()), atol=1e-12)
    np.testing.assert_allclose(sorted(text.saddles().tolist()), sorted(surface.saddles().tolist()), atol=1e-12)
    for mine, theirs in zip(text.escape(), surface.escape(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-10)


def test_mueller_brown_has_its_published_energies():
    # Minima -146.70, -108.17, -80.77 and saddles -40.67, -72.25 (Mueller and Brown 1979, table 1).
    surface = MuellerBrown()
    energies = [round(value_at(surface, x), 2) for x in (*surface.minima(), *surface.saddles())]
    assert energies == [-146.7, -108.17, -80.77, -40.66, -72.25]
    assert value_at(MuellerBrown(0.5), surface.minima()[0]) == 0.5 * value_at(surface, surface.minima()[0])
    with pytest.raises(ValueError, match="scale=0 must be above 0"):
        MuellerBrown(0).check()


def test_styblinski_tang_lists_what_it_can_and_escapes_in_any_dimension():
    table = StyblinskiTang(3)
    assert table.minima().shape == (8, 3)
    assert table.saddles().shape == (12, 3)
    # Published: the deepest minimum is -39.16617 a coordinate, at -2.903534.
    assert round(value_at(table, table.minima()[-1]) / 3, 5) == -39.16617
    assert round(table.minima()[-1][0], 6) == -2.903534
    way = StyblinskiTang(50).check().escape()
    assert way.direction[0] == -1.0
    for ask in (StyblinskiTang(11).minima, StyblinskiTang(11).saddles):
        with pytest.raises(ValueError, match=r"dimension=11 has .* listed up to dimension 10"):
            ask()
    with pytest.raises(ValueError, match="dimension=0 must be at least 1"):
        StyblinskiTang(0).check()
    with pytest.raises(TypeError, match=r"dimension=1.5 must be a whole number"):
        StyblinskiTang(1.5).check()  # type: ignore[arg-type]


def test_escape_starts_in_the_basin_of_start_and_takes_the_lowest_saddle():
    # Three wells in a row; the barrier on the right of the middle one is the lower.
    text = "x**6/6 - 5*x**4/4 + 2*x**2 - 0.1*x"
    first, middle = from_expression(text), from_expression(text, start=[0.3])
    a = first.minima()[:, 0]
    assert len(a) == 3
    assert first.escape().minimum == a[0]
    assert first.escape().far_minimum == a[1]
    assert middle.escape().minimum == a[1]
    assert middle.escape().far_minimum == a[2]
    assert middle.escape().direction == 1.0
    leftwards = from_expression(text, start=[1.8]).escape()
    assert leftwards.direction == -1.0
    assert leftwards.far_minimum == a[1]


def test_where_nothing_lies_beyond_the_saddle_there_is_no_far_minimum():
    way = from_expression("x**3/3 - x").escape()
    assert (way.minimum, way.saddle, way.far_minimum, way.direction) == (1.0, -1.0, None, -1.0)
    assert abs(way.barrier - 4.0 / 3.0) < 1e-15


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("exp(x)", {}, "there is no minimum between -3 and 3"),
        ("x**2 + y**2", {}, "there is no saddle between -3, -3 and 3, 3"),
        ("(x**2 - 1)**2", {"bounds": (0.5, 2)}, "there is no saddle between 0.5 and 2"),
        ("x**3/3 - x", {"start": [-2.0]}, "start=-2 leads down to no minimum"),
        ("x**2", {"bounds": (1, -1)}, "must rise from low to high"),
        ("x**2", {"bounds": (1, 2, 3)}, "it must be low, high, or 1 rows of these"),
        ("x**2", {"start": [1, 2]}, "start has 2 entries; 'x.*2' has 1 coordinates"),
        ("x**2", {"start": [9]}, "start=.9.0. must lie within bounds"),
    ],
)
def test_where_there_is_nothing_to_escape_from_or_over_it_says_so(text, options, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        from_expression(text, **options).escape()
    assert "\n" not in str(caught.value)


def test_a_pole_is_no_critical_point():
    well = from_expression("1/x**2 + x**2", bounds=(-2, 2.3))
    np.testing.assert_allclose(well.minima(), [[-1.0], [1.0]], atol=1e-14)
    assert len(well.saddles()) == 0


def test_one_text_is_one_class_and_travels():
    text = "0.25*(x**2 - 1)**2 + y**2"
    well = from_expression(text, start=[1.0, 0.0])
    assert type(well) is type(from_expression(f"  {text} "))
    assert type(well) is not type(from_expression(text + " + 1"))
    again = pickle.loads(pickle.dumps(well))
    assert type(again) is type(well)
    assert np.array_equal(again.start, well.start)
    assert repr(again) == f"from_expression({text!r}, start=[1.0, 0.0], bounds=[[-3.0, 3.0], [-3.0, 3.0]])"


def test_another_process_reads_the_file_without_sympy_and_unpickles(monkeypatch, tmp_path):
    monkeypatch.setenv("SADDLESCAPE_CACHE", str(tmp_path))
    well = from_expression("x**4 - x**2 + 0.123*x")
    assert len(list(tmp_path.glob("expressions/*.py"))) == 1
    program = (
        "import pickle, sys; well = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "from saddlescape.landscapes.interface import gradient_at;"
        "print(gradient_at(well, [0.7])[0], 'sympy' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, pickle.dumps(well).hex()], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [str(gradient_at(well, [0.7])[0]), "False"]


def test_what_is_written_does_not_depend_on_the_hash_seed():
    program = (
        "from saddlescape.landscapes.derivation import source; from saddlescape.landscapes.formula import parse;"
        "t = 'x*y*z + sin(x+y)*exp(-z*x) + (x+y*z)**3/(1+x**2) + log(2+z**2)*y'; print(source(parse(t), t, 'h', 'N'))"
    )
    written = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(written) == 1
