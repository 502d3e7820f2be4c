import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import kernels, streams
from saddlescape.dynamics.box_muller import box_muller, exponential
from saddlescape.dynamics.box_muller_single import box_muller_single

from . import slow
from .draws import exponentials, rows_of_normals, words

PATH, BRIDGE = streams.PATH, streams.BRIDGE


@pytest.mark.parametrize("generator", ["xoshiro", "threefry"])
def test_normals_are_made_from_the_words_in_their_order(generator):
    given = words(generator, 4, PATH, [0, 8], 6)
    doubles = rows_of_normals(generator, "float64", 4, [0, 8], 6)
    singles = rows_of_normals(generator, "float32", 4, [0, 8], 12)
    for n in range(2):
        pairs = [box_muller(a, b) for a, b in given[n].reshape(3, 2)]
        assert doubles[:, n].tolist() == [float(x) for pair in pairs for x in pair]
        halves = given[n].astype("<u8").view("<u4").reshape(6, 2)
        pairs = [box_muller_single(low, high) for low, high in halves]
        assert singles[:, n].tolist() == [float(x) for pair in pairs for x in pair]


def test_exponentials_are_made_from_every_other_word():
    given = words("xoshiro", 4, BRIDGE, [0, 8], 6)
    expected = [[float(exponential(word)) for word in given[n, ::2]] for n in range(2)]
    assert exponentials("xoshiro", 4, [0, 8], 3).T.tolist() == expected


@pytest.mark.parametrize("d", [1, 2, 3, 6])
@pytest.mark.parametrize(("precision", "at_once"), [("float64", 2), ("float32", 4)])
def test_normals_are_numbered_by_step_and_coordinate(d, precision, at_once):
    # Nothing but noise: theta is the sum of the normals so far.
    spread = ss.saddle_spread(
        ss.QuadraticSaddle(np.zeros(d)),
        ss.IsotropicNoise(1.0),
        ss.SGD(1.0),
        steps=13,
        trajectories=5,
        seed=4,
        record=range(14),
        keep_paths=True,
        normals=precision,
    )
    z = rows_of_normals("xoshiro", precision, 4, range(5), 13 * d).T.reshape(5, 13, d)
    expected = np.cumsum(np.concatenate([np.zeros((5, 1, d)), -z], axis=1), axis=1)
    assert np.array_equal(spread.paths, expected)
    rows = kernels.new_block(d, 0, 8, 0, 0, at_once).z.shape[0]
    assert rows % d == rows % at_once == 0
    assert kernels.CHUNK % (rows // d) == 0


@pytest.mark.parametrize(("generator", "normals"), [("threefry", "float64"), ("xoshiro", "float32")])
def test_every_source_drives_a_run_as_its_slow_twin(generator, normals):
    landscape, noise, rule = ss.QuarticWell().check(), ss.IsotropicNoise(6.0).check(), ss.Momentum(0.1, 0.5).check()
    how = {"momentum": "thermal", "generator": generator, "normals": normals}
    times = ss.escape_times(landscape, noise, rule, trajectories=12, seed=9, max_steps=60, exit=0.0, **how)
    expected = [
        slow.first_passage(
            landscape,
            noise,
            rule,
            number,
            seed=9,
            origin=np.array([-1.0]),
            direction=np.array([1.0]),
            level=0.0,
            max_steps=60,
            **how,
        )
        for number in range(12)
    ]
    assert times.steps.tolist() == expected
    assert len(set(expected)) > 3


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"generator": "mt19937"}, "generator='mt19937' must be one of 'xoshiro', 'threefry'"),
        ({"normals": "float16"}, "normals='float16' must be one of 'float64', 'float32'"),
    ],
)
def test_an_unknown_source_is_refused(how, message):
    with pytest.raises(ValueError, match=message):
        ss.escape_times(ss.QuarticWell(), ss.IsotropicNoise(), ss.SGD(), trajectories=4, **how)
