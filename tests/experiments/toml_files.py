"""Experiment files for tests of what reads them: valid ones, and ones with something wrong (a Hypothesis strategy)."""

from hypothesis import strategies as st

VALID = (
    """question = "escape"
[rule]
name = "momentum"
beta1 = 0.5
[landscape]
name = "piecewise-quadratic"
[noise]
name = "hessian"
[run]
trajectories = 100
seed = 1
[axes]
rule.lr = [0.05, 0.1]
noise.batch_size = { from = 0.4, to = 0.8, count = 3 }
"landscape.barrier" = { from = 0.2, to = 0.3, step = 0.05 }
[[zip]]
rule.beta3 = [0.5, 1.0]
run.max_steps = [1000, 2000]
[sweep]
target = 0.2
most_trajectories = 1000
""",
    """[rule]
name = "sgd"
lr = 0.1
[landscape]
name = "quartic"
transverse_min = [1.0, 2.0]
rotation = 3
[noise]
name = "constant"
covariance = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
[run]
trajectories = 100
origin = [-1.0, 0.0, 0.0]
exit = 5.0
momentum = "rest"
""",
    """question = "saddle"
[landscape]
name = "saddle"
curvatures = [-1.0, 0.1]
[run]
steps = 50
trajectories = 100
record = [1, 10, 50]
[axes]
"rule.lr" = { from = 0.001, to = 0.1, count = 3, spacing = "log" }
run.seed = { from = 0, to = 4, step = 2 }
[[axes.rule]]
name = "adam"
beta1 = 0.8
[[axes.rule]]
name = "adaiw"
[[axes.noise]]
name = "isotropic"
variance = 1.0
[[axes.noise]]
name = "hessian"
""",
    """question = "saddle"
rule = { name = "underdamped", dt = 0.01 }
landscape = { name = "styblinski-tang", dimension = 3 }
noise.name = "isotropic"
run.trajectories = 100
run.steps = 10
""",
    """rule.name = "langevin"
rule.convention = "ito"
run.trajectories = 50
[landscape]
name = "expression"
expression = '''
(x**2 - 1)**2'''
bounds = [-2.0, 2.0]
""",
)
"""Files that can be read."""

KEYS = (
    "name",
    "lr",
    "beta1",
    "batch_size",
    "seed",
    "max_steps",
    "curvatures",
    "dimension",
    "text",
    "rule",
    "axes",
    "from",
    "é",
    '""',
    '"a b"',
    '"a\\nb"',
    "lr.lr",
)
HEADERS = (
    "[rule]",
    "[axes]",
    "[[zip]]",
    "[[axes.rule]]",
    "[run]",
    "[nonsense]",
    "[sweep]",
    "[axes.rule]",
    "[[rule]]",
    "[[axes]]",
    "[a.b.c]",
    "[",
    "[]",
)
VALUES = (
    "0",
    "-1",
    "1",
    "0.5",
    "1e400",
    "-1e400",
    "1e-320",
    "nan",
    "inf",
    "-inf",
    "true",
    "4e3",
    "1.5",
    "1_000_000",
    "1000000000",
    "1e15",
    "1e30",
    "9" * 40,
    "9" * 5000,
    "0x" + "f" * 400,
    "1979-05-27",
    "07:32:00",
    '""',
    "''",
    '"sgd"',
    '"adam"',
    '"quartic"',
    '"mueller-brown"',
    '"nonsense"',
    '"file.npy"',
    '"/dev/null"',
    '"\\u2028"',
    '"\\u0000.npy"',
    '"a\\nb"',
    "\"__import__('os').system('exit')\"",
    '"x**2"',
    '"' + "(" * 300 + "x" + ")" * 300 + '"',
    '"x**y**9**9**9"',
    "[]",
    "[[]]",
    "[[], []]",
    "[[[1]]]",
    "[1, 2]",
    "[1, [2]]",
    "[[1, 2], [3]]",
    "[true]",
    '["a"]',
    "[nan]",
    "[1e400]",
    "[-1.0, 0.1]",
    "[0.1, 0.1]",
    "[{}]",
    '[{ name = "sgd" }]',
    "[" + "1, " * 3000 + "1]",
    "[" * 200 + "]" * 200,
    "[" * 2000 + "]" * 2000,
    "[[" + "], [".join(["1, 2"] * 40) + "]]",
    "{}",
    "{ from = 0, to = 1 }",
    "{ from = 0, to = 1, count = 3 }",
    '{ from = 1, to = 9, count = 3, spacing = "log" }',
    "{ from = 0, to = 1, count = 3, step = 1 }",
    "{ from = 0, to = 1e9, step = 1e-9 }",
    "{ from = 1, to = 2, count = 1e18 }",
    "{ from = 1, to = 2, count = 900000 }",
    "{ from = 1, to = 900000, step = 1 }",
    "{ from = -1e308, to = 1e308, count = 5 }",
    "{ from = nan, to = inf, step = 0 }",
    "{ from = 3, to = 1, step = -1 }",
    "{ form = 3, to = 1 }",
    '{ from = 0, to = 9, count = 3, spacing = "log" }',
    '{ name = "sgd" }',
    "{ a = { b = { c = 1 } } }",
    "nonsense",
    "",
    "'''",
    '"""',
)
NOISE = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    [
        "=",
        "[",
        "]",
        "{",
        '"',
        "'''",
        "#",
        "\r",
        "\\",
        ".",
        "\x00",
        "\n\n",
    ]
)


@st.composite
def toml_files(draw: st.DrawFn) -> str:
    """Draw the text of a file: a valid one in which a few things were changed, or now and then mere noise."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.text(st.characters(codec="utf-8"), max_size=200))
    lines: list[str] = list(map(str, draw(st.sampled_from(VALID)).splitlines()))
    for _ in range(draw(st.integers(0, 3))):
        k = draw(st.integers(0, len(lines) - 1))
        key, equals, value = lines[k].partition(" = ")
        match draw(
            st.sampled_from(["value", "value", "value", "key", "drop", "twice", "header", "noise", "move", "new"])
        ):
            case "value" if equals:
                lines[k] = f"{key} = {draw(st.sampled_from(VALUES) | _numbers)}"
            case "key" if equals:
                lines[k] = f"{draw(st.sampled_from(KEYS) | _misspelt(key))} = {value}"
            case "drop" if len(lines) > 1:
                del lines[k]
            case "twice":
                lines.insert(k, lines[k])
            case "header":
                lines.insert(k, draw(st.sampled_from(HEADERS)))
            case "noise":
                at = draw(st.integers(0, len(lines[k])))
                lines[k] = lines[k][:at] + draw(NOISE) + lines[k][at:]
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(k))
            case "new":
                lines.insert(k, f"{draw(st.sampled_from(KEYS))} = {draw(st.sampled_from(VALUES))}")
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines) + draw(st.sampled_from(["\n", ""]))


_numbers = st.integers(-(10**12), 10**12).map(str) | st.floats().map(repr)


def _misspelt(key: str) -> st.SearchStrategy[str]:
    return st.integers(0, max(len(key) - 1, 0)).map(lambda k: key[:k] + key[k + 1 :])
