"""What is wrong with the data is said by row, coordinate, value and label."""

from fractions import Fraction

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.separation import Plan, between, measure, separated

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
LABELS = np.array([0, 1, 1])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("points", "labels", "words"),
    [
        (POINTS, np.array([4, 4, 4]), "All labels are 4"),
        (np.array([[0.0, 0.0], [1.0, np.nan], [0.0, 1.0]]), LABELS, "row 1 has nan at coordinate 1"),
        (np.array([[0.0, 0.0], [1.0, 0.0], [-np.inf, 1.0]]), LABELS, "row 2 has -inf at coordinate 0"),
        (POINTS[[0, 1, 0]], LABELS, "Points 0 and 2 are equal and have different labels, 0 and 1"),
        (POINTS[:0], LABELS[:0], r"shape \(0, 2\)"),
        (POINTS[:, :0], LABELS, r"shape \(3, 0\)"),
        (POINTS[0], LABELS, r"float64 of shape \(2,\)"),
        (POINTS.astype(np.float32), LABELS, "got float32"),
        (POINTS, LABELS[:2], r"3 points and labels of int64 with shape \(2,\)"),
        (POINTS, LABELS.astype(float), "labels of float64"),
        (np.array([[1.5e308], [5e-324]]), LABELS[:2], "Point 1 has 5e-324 at coordinate 0"),
    ],
)
def test_data_that_has_no_separation_is_refused(points: np.ndarray, labels: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        measure(points, labels, Norm.LINF)


def test_an_equal_point_in_train_and_test_is_named_by_its_row_in_each() -> None:
    with pytest.raises(InvalidInput, match="Points 2 and 0 are equal and have different labels, 1 and 0"):
        between((POINTS, LABELS), (POINTS[2:], np.array([0])), Norm.L2)


@pytest.mark.usefixtures("unchecked_shapes")
def test_sets_of_different_width_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 coordinates a point and the other 1"):
        separated(POINTS, POINTS[:, :1], Fraction(1), Norm.L1)


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="-1/2"):
        separated(POINTS, POINTS, Fraction(-1, 2), Norm.L1)


def test_a_budget_below_the_smallest_block_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the budget is 1000"):
        measure(POINTS, LABELS, Norm.L2, plan=Plan(budget_bytes=1000))


@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    answer = measure(POINTS, LABELS, Norm.L2)
    with pytest.raises(InvalidInput, match=str(radius)):
        answer.admissible(radius)


def test_progress_ends_with_all_blocks() -> None:
    seen: list[tuple[int, int]] = []
    measure(POINTS, LABELS, Norm.L2, plan=Plan(progress=lambda done, total: seen.append((done, total))))
    assert seen == [(1, 1), (1, 1)]
