from typing import Any

import numpy as np
import pytest
from saddlescape.landscapes.checks import MOST_DIMENSIONS, MOST_ROWS, number, square
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.pseudo_huber import PseudoHuber
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.landscapes.styblinski_tang import StyblinskiTang


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (StyblinskiTang(10**9), "dimension makes a landscape of 1000000000 dimensions; at most 10000"),
        (QuadraticSaddle(np.ones(MOST_DIMENSIONS + 1)), "curvatures makes a landscape of 10001"),
        (PseudoHuber(np.ones(MOST_DIMENSIONS + 1)), "curvatures makes a landscape of 10001"),
        (QuarticWell(transverse_min=np.ones(MOST_DIMENSIONS)), "transverse_min makes a landscape of 10001"),
        (QuadraticSaddle(np.ones(MOST_ROWS + 1), rotation=1), "rotation is a matrix of 1001 rows; at most 1000"),
        (ConstantNoise(np.ones(MOST_ROWS + 1)), "covariance is a matrix of 1001 rows; at most 1000"),
        (ConstantNoise([]), "covariance is empty"),
        (QuadraticSaddle(rotation=10**30), None),
    ],
)
def test_what_would_take_all_memory_is_refused_at_once(part: Any, said: str | None) -> None:
    if said is None:
        assert part.check().rotation.shape == (3, 3)
    else:
        with pytest.raises(ValueError, match=said):
            part.check()


def test_whole_numbers_of_any_size_are_numbers() -> None:
    assert number("x", 10**30) == 1e30
    with pytest.raises(ValueError, match="x must be finite: it is beyond"):
        number("x", 10**400)
    with pytest.raises(ValueError, match="x is empty"):
        square("x", np.zeros((0, 0)))
