"""Separation against brute force over ``Fraction``: pairs, distances, ties, thresholds."""

import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.region import Norm
from constructions.separation import ClosestPair, between, measure, separated
from constructions.separation import search as search_module

NORMS = st.sampled_from(list(Norm))


def key(x: np.ndarray, y: np.ndarray, norm: Norm) -> Fraction:
    gaps = [abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, y, strict=True)]
    keys = {Norm.L1: sum(gaps), Norm.L2: sum(g * g for g in gaps), Norm.LINF: max(gaps)}
    return Fraction(keys[norm])


def brute(x: np.ndarray, y: np.ndarray, norm: Norm, counts: np.ndarray) -> tuple[Fraction, int, int] | None:
    found = [(key(x[i], y[j], norm), int(i), int(j)) for i, j in np.argwhere(counts)]
    return min(found, default=None)


def told(pair: ClosestPair | None) -> tuple[Fraction, int, int] | None:
    return None if pair is None else (pair.exact, pair.first, pair.second)


KINDS = st.sampled_from(  # a lattice with many ties, decimals, huge, tiny, far from zero, or most of float64's range
    [
        st.integers(-2, 2).map(float),
        st.integers(0, 255).map(lambda k: k / 255),
        st.floats(-1, 1),
        st.integers(-3, 3).map(lambda k: k * 5e307),
        st.integers(-3, 3).map(lambda k: k * 5e-324),
        st.integers(0, 20).map(lambda k: 1e8 + k * 2.0**-26),
        st.integers(0, 9).map(lambda k: 1.0 + k * 2.0**-52),
        st.floats(-1e150, 1e150),
    ]
)


@st.composite
def tables(draw: st.DrawFn, count: int = 1) -> list[np.ndarray]:
    """Sets of 2 to 9 points of one width, often with repeated points."""
    entries, width = draw(KINDS), draw(st.integers(1, 4))
    point = st.lists(entries, min_size=width, max_size=width)
    return [np.array(draw(st.lists(point, min_size=2, max_size=9))) for _ in range(count)]


@given(tables(), NORMS, st.data())
def test_the_closest_pairs_are_those_of_brute_force(sets: list[np.ndarray], norm: Norm, data: st.DataObject) -> None:
    (points,) = sets
    n = len(points)
    values, labels = np.unique(points, axis=0, return_inverse=True)
    if len(values) < 2:
        return
    merged = data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    labels = np.array(merged)[labels.ravel()]  # equal points have equal labels
    if len(set(labels.tolist())) < 2:
        return
    upper = np.triu(np.ones((n, n), bool), 1)
    alike = labels[:, None] == labels[None]
    answer = measure(points, labels, norm)
    assert told(answer.cross) == brute(points, points, norm, upper & ~alike)
    assert told(answer.same) == brute(points, points, norm, upper & alike)


@given(tables(2), NORMS, st.data())
def test_train_to_test_distances_are_those_of_brute_force(
    sets: list[np.ndarray], norm: Norm, data: st.DataObject
) -> None:
    train, test = sets
    labels = [np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(x), max_size=len(x)))) for x in sets]
    alike = labels[0][:, None] == labels[1][None]
    expected = brute(train, test, norm, ~alike)
    if expected is None or expected[0] == 0:
        return
    answer = between((train, labels[0]), (test, labels[1]), norm, same_class=True)
    assert told(answer.cross) == expected
    assert told(answer.same) == brute(train, test, norm, alike)


@given(tables(2), NORMS, st.data())
def test_two_sets_are_separated_exactly_when_brute_force_says_so(
    sets: list[np.ndarray], norm: Norm, data: st.DataObject
) -> None:
    first, second = sets
    nearest = brute(first, second, norm, np.ones((len(first), len(second)), bool))
    assert nearest is not None
    offset = data.draw(st.sampled_from([Fraction(0), Fraction(1, 3), -nearest[0] / 2**60, nearest[0] / 2**60]))
    threshold = max(Fraction(0), nearest[0] + offset)
    answer = separated(first, second, threshold, norm)
    assert answer.holds == (nearest[0] > threshold)
    assert told(answer.closest) == (None if answer.holds else nearest)
    assert answer.effort.pairs == len(first) * len(second) == answer.effort.by_products + answer.effort.directly


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("kind", ["lattice", "bytes", "offset", "clusters", "wide"])
def test_blocks_of_any_size_give_the_answer_of_brute_force(
    norm: Norm, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(3)
    shape = (150, 40 if kind == "wide" else 6)
    points = {
        "lattice": lambda: draw.integers(0, 4, shape).astype(float),
        "bytes": lambda: draw.integers(0, 256, shape) / 255,
        "offset": lambda: 1e8 + draw.random(shape),
        "clusters": lambda: np.repeat(draw.random((15, 6)) * 100, 10, axis=0) + draw.random(shape) * 1e-9,
        "wide": lambda: draw.normal(size=shape) * 10.0 ** draw.integers(-8, 8, shape[1]),
    }[kind]()
    points = np.unique(points, axis=0)
    points = points[draw.permutation(len(points))]
    labels = draw.integers(0, 4, len(points))
    upper = np.triu(np.ones((len(points),) * 2, bool), 1)
    gaps = np.abs(points[:, None] - points[None])  # near enough to list the candidates that are compared exactly
    near = {Norm.L1: gaps.sum(2), Norm.L2: (gaps**2).sum(2), Norm.LINF: gaps.max(2)}[norm]
    alike = labels[:, None] == labels[None]
    expected = [
        brute(points, points, norm, counts & (near <= near[counts].min() * (1 + 1e-6)))
        for counts in (upper & ~alike, upper & alike)
    ]
    for size in (16, 64, 512):
        monkeypatch.setattr(search_module, "_LARGEST", size)
        answer = measure(points, labels, norm)
        assert [told(answer.cross), told(answer.same)] == expected
        assert answer.effort.by_products > answer.effort.pairs // 3


@pytest.mark.parametrize("norm", list(Norm))
def test_products_that_discard_nothing_change_no_answer(norm: Norm, monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).random((90, 5))
    labels = np.arange(90) % 3
    answer = measure(points, labels, norm)
    monkeypatch.setattr(search_module, "_product", lambda left, right, _: np.full((len(left), len(right)), np.nan))
    plain = measure(points, labels, norm)
    assert (plain.cross, plain.same) == (answer.cross, answer.same)
    assert plain.effort.by_products == 0


@pytest.mark.parametrize("norm", list(Norm))
def test_a_single_cross_pair_among_many_is_found(norm: Norm) -> None:
    points = np.random.default_rng(2).random((400, 3))
    labels = np.zeros(400, np.int64)
    labels[137] = 7
    counts = np.zeros((400, 400), bool)
    counts[137, 138:] = counts[:137, 137] = True
    assert told(measure(points, labels, norm).cross) == brute(points, points, norm, counts)


def test_no_two_equal_labels_leave_no_pair_of_one_class() -> None:
    assert measure(np.arange(5.0)[:, None], np.arange(5), Norm.L2).same is None


@given(st.fractions(min_value=0, max_value=10**40), NORMS)
def test_the_float_ends_of_a_distance_are_the_nearest_on_both_sides(exact: Fraction, norm: Norm) -> None:
    pair = ClosestPair(0, 1, norm, exact)
    for end, inner in ((pair.lower, pair.upper), (pair.upper, pair.lower)):
        assert inner in (end, math.nextafter(end, inner))
    power = 2 if norm is Norm.L2 else 1
    assert Fraction(pair.lower) ** power <= exact <= Fraction(pair.upper) ** power


@pytest.mark.parametrize("norm", list(Norm))
def test_the_smallest_and_largest_floats_have_float_ends(norm: Norm) -> None:
    tiny = measure(np.array([[0.0], [5e-324]]), np.array([0, 1]), norm)
    assert (tiny.cross.lower, tiny.cross.upper, tiny.epsilon) == (5e-324, 5e-324, 0.0)
    huge = measure(np.array([[-1.7e308], [1.7e308]]), np.array([0, 1]), norm)
    assert (huge.cross.lower, huge.cross.upper, huge.epsilon) == (np.finfo(float).max, math.inf, 1.7e308)


@given(tables(), NORMS)
def test_radii_are_admissible_exactly_below_half_the_distance(sets: list[np.ndarray], norm: Norm) -> None:
    (points,) = sets
    points = np.unique(points, axis=0)
    if len(points) < 2:
        return
    answer = measure(points, np.arange(len(points)), norm)
    power = 2 if norm is Norm.L2 else 1
    assert answer.exact_epsilon * 2**power == answer.cross.exact
    largest = answer.largest_radius
    assert largest < 0 or answer.admissible(largest)
    assert not answer.admissible(max(0.0, math.nextafter(largest, math.inf))) or largest < 0
    radius = Fraction(1, 3)
    assert answer.admissible(radius) == (radius**power < answer.exact_epsilon)
    ratio = answer.ratio(radius)
    assert math.isinf(ratio) or Fraction(ratio) ** power * answer.exact_epsilon >= radius**power
