"""Points on a grid with their separation: what moves, what is exact, and what is refused."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.memorizer.separated import largest_delta, separate
from constructions.theorem import Labelled
from tests.constructions.bump_sets import epsilon, gaps, length, tasks
from tests.constructions.euclidean_sets import Task, closest, generic

NORMS = list(Norm)


@pytest.mark.parametrize("norm", [Norm.L1, Norm.LINF], ids=str)
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_points_on_the_grid_stay_and_their_distance_is_exact(norm: Norm, data: st.DataObject) -> None:
    task = data.draw(tasks(norm))
    found = separate(task.data, norm, task.delta, spare=20)
    assert found.movement == 0
    np.testing.assert_array_equal(found.points, task.points)
    assert found.distance == 2 * epsilon(task.points, task.labels, norm)
    assert found.radius == task.delta
    assert found.gap == found.distance - 2 * found.radius > 0


@pytest.mark.parametrize("norm", NORMS, ids=str)
@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=2, max_size=6, unique=True))
@settings(max_examples=40, deadline=None)
def test_balls_around_moved_points_contain_the_balls_asked_for(norm: Norm, rows: list[tuple[float, ...]]) -> None:
    points, delta = np.array(rows), Fraction(1, 1000)
    labels = np.arange(len(points)) % 2
    try:
        found = separate(Labelled.of(points, labels), norm, delta, spare=20)
    except InvalidInput:
        return
    for given_point, moved in zip(points, found.points, strict=True):
        steps = gaps(given_point, moved)
        far = sum(step * step for step in steps) if norm is Norm.L2 else length(steps, norm)
        assert far <= (found.movement**2 if norm is Norm.L2 else found.movement)
    assert found.radius >= delta + found.movement
    grain = Fraction(1, 2) ** found.bits
    assert found.radius % grain == 0
    assert all(Fraction(value) % grain == 0 for value in found.points.ravel())


def test_the_distance_in_l2_is_rounded_down() -> None:
    task = generic((5, 4), 3, seed=2)
    found = separate(task.data, Norm.L2, Fraction(0), spare=20)
    exact = closest(found.points, task.labels)
    assert found.distance**2 <= exact < (found.distance + Fraction(1, 2) ** found.bits) ** 2


@pytest.mark.parametrize("spare", [5, 20, 35])
def test_sums_that_use_the_spare_bits_are_exact(spare: int) -> None:
    task = generic((6, 5), 4, seed=1)
    found = separate(task.data, Norm.LINF, Fraction(1, 100), spare=spare)
    largest = 2 * (Fraction(float(np.abs(found.points).max())) + found.radius) * 2**spare
    assert largest * Fraction(2) ** found.bits < 2**53


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_the_largest_admissible_radius_of_the_message_is_admissible_and_hardly_more_is_not(norm: Norm) -> None:
    data = generic((6, 5), 3, seed=4).data
    with pytest.raises(InvalidInput, match=r"overlap or touch; the largest admissible delta is") as caught:
        separate(data, norm, Fraction(5), spare=20)
    words = re.search(r"delta is ([\d.]+)\.$", str(caught.value))
    assert words is not None
    most = Fraction(words[1])
    assert separate(data, norm, most, spare=20).gap > 0
    with pytest.raises(InvalidInput, match="overlap or touch"):
        separate(data, norm, most + Fraction(1, 10**6), spare=20)


def test_touching_balls_are_refused_with_the_closest_pair() -> None:
    data = Labelled.of([[0.0, 0.0], [3.0, 0.0], [1.0, 0.5]], [0, 1, 1])
    with pytest.raises(InvalidInput, match=r"Points 0 \(label 0\) and 2 \(label 1\) are 1 apart in linf.* touch"):
        separate(data, Norm.LINF, Fraction(1, 2), spare=20)
    below = separate(data, Norm.LINF, Fraction(1, 2) - Fraction(1, 2**20), spare=20)
    assert below.gap == Fraction(1, 2**19)
    assert below.delta <= largest_delta(below) < Fraction(1, 2)


@pytest.mark.parametrize(
    ("points", "labels", "words"),
    [
        ([[0.0], [1.0]], [1, 1], "All labels are 1"),
        ([[0.5], [1.0], [0.5]], [0, 0, 1], "Points 0 and 2 are equal and have different labels, 0 and 1"),
        ([[0.5], [np.nan]], [0, 1], "Point 1 has nan at coordinate 0"),
        (np.zeros((2, 0)), [0, 1], "no labelled set"),
    ],
)
def test_sets_that_cannot_be_separated_are_refused(points: object, labels: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        separate(Labelled.of(points, labels), Norm.LINF, Fraction(0), spare=20)


def test_a_negative_radius_is_refused() -> None:
    task = Task(np.array([[0.0], [1.0]]), np.array([0, 1]), Fraction(-1, 8))
    with pytest.raises(InvalidInput, match="must be >= 0, got delta = -1/8"):
        separate(task.data, Norm.LINF, task.delta, spare=20)


def test_the_minority_is_the_smaller_class_and_the_positive_one_when_equal() -> None:
    points = np.arange(5.0)[:, None]
    sizes = {(0, 0, 0, 1, 1): 1, (0, 1, 1, 1, 1): 0}
    for labels, smaller in sizes.items():
        assert separate(Labelled.of(points, labels), Norm.LINF, Fraction(0), spare=9).minority == smaller
    assert separate(Labelled.of(points[:4], [0, 1, 0, 1]), Norm.LINF, Fraction(0), spare=9).minority == 1


def test_points_changed_in_place_are_separated_anew() -> None:
    data = Labelled.of(np.array([[0.0], [1.0]]), [0, 1])
    assert separate(data, Norm.LINF, Fraction(0), spare=9).distance == 1
    data.points[1] = 3.0
    assert separate(data, Norm.LINF, Fraction(0), spare=9).distance == 3
