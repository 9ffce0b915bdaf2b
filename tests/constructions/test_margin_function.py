"""The margin function of two finite sets, against rational arithmetic."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.generalisation import MarginFunction
from constructions.generalisation import margin_function as module
from constructions.generalisation.classes import separated_classes
from constructions.theorem import Labelled
from tests.constructions.separated_sets import attacked, cube_points, grid_classes, scattered

HALF = Fraction(1, 2)
NORMS = st.sampled_from(list(Norm))


def margin_of(data: Labelled, norm: Norm) -> tuple[MarginFunction, Fraction]:
    found = separated_classes(data, norm, Fraction(0), HALF)
    return found.margin, found.attack.eps


def distance(x: tuple[Fraction, ...], y: tuple[Fraction, ...], norm: Norm) -> Fraction:
    gaps = [abs(a - b) for a, b in zip(x, y, strict=True)]
    return max(gaps) if norm is Norm.LINF else sum(gaps, Fraction(0))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_float_value_is_within_the_stated_error_of_the_exact_one(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    margin, eps = margin_of(data.draw(grid_classes(d)), data.draw(NORMS))
    x = data.draw(st.tuples(*[st.integers(0, 7).map(lambda k: Fraction(k, 7))] * d))
    low, high = margin.enclose(x)
    (value,) = margin.evaluate(np.array([[float(t) for t in x]]))
    assert low - margin.error(eps) <= Fraction(float(value)) <= high + margin.error(eps)
    assert margin.error(eps) < Fraction(1, 2**40)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_computed_distances_are_within_the_stated_error(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    norm = data.draw(NORMS)
    sets = data.draw(grid_classes(d))
    margin, _ = margin_of(sets, norm)
    x = data.draw(st.tuples(*[st.integers(0, 7).map(lambda k: Fraction(k, 7))] * d))
    near, far = margin.distances(np.array([[float(t) for t in x]]))
    for computed, sites in ((near[0], margin.positive), (far[0], margin.negative)):
        gaps = [[abs(a - Fraction(float(b))) for a, b in zip(x, site, strict=True)] for site in sites]
        low, high = (max(Fraction(float(computed)) + s * margin.distance_error(), Fraction(0)) for s in (-1, 1))
        if norm is Norm.L2:
            assert low**2 <= min(sum(g * g for g in gap) for gap in gaps) <= high**2
        else:
            assert low <= min(max(gap) if norm is Norm.LINF else sum(gap) for gap in gaps) <= high


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_values_differ_by_at_most_the_distance_over_eps(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    norm = data.draw(st.sampled_from([Norm.L1, Norm.LINF]))
    margin, eps = margin_of(data.draw(grid_classes(d)), norm)
    x, y = data.draw(cube_points(d)), data.draw(cube_points(d))
    assert abs(margin.enclose(x)[0] - margin.enclose(y)[0]) <= margin.lipschitz(eps) * distance(x, y, norm)


def test_the_lipschitz_constant_is_attained_between_the_classes() -> None:
    margin, eps = margin_of(Labelled.of([[0.25], [0.75]], [1, 0]), Norm.LINF)
    x, y = (Fraction(3, 8),), (Fraction(5, 8),)
    assert eps == Fraction(1, 4)
    assert margin.enclose(x)[0] - margin.enclose(y)[0] == margin.lipschitz(eps) * Fraction(1, 4)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_it_is_1_on_one_class_and_minus_1_on_the_other(data: st.DataObject) -> None:
    sets = data.draw(grid_classes(data.draw(st.integers(1, 3))))
    margin, _ = margin_of(sets, data.draw(NORMS))
    assert (margin.evaluate(sets.points) == 2 * sets.labels - 1).all()


@pytest.mark.parametrize("norm", list(Norm))
def test_it_is_at_least_1_minus_c_within_c_eps(norm: Norm) -> None:
    data = scattered(3, norm, 0.15, 20)
    margin, eps = margin_of(data, norm)
    points, labels = attacked(data, norm, float(eps) / 2)
    assert ((2 * labels - 1) * margin.evaluate(points)).min() >= 0.5


def test_the_l2_enclosure_contains_the_value_and_is_narrow() -> None:
    margin = MarginFunction(np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]), Norm.L2)
    low, high = margin.enclose((Fraction(1, 2), Fraction(0)))  # distances 1/2 and sqrt(5)/2
    exact = (5**0.5 - 1) / (5**0.5 + 1)
    assert low < high
    assert high - low < Fraction(1, 2**70)
    assert abs(float(low) - exact) < 1e-15


def test_distances_do_not_depend_on_the_size_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    margin, _ = margin_of(scattered(3, Norm.L2, 0.1, 40), Norm.L2)
    points = np.random.default_rng(1).uniform(size=(50, 3))
    whole = margin.evaluate(points)
    monkeypatch.setattr(module, "_BLOCK", 20)
    assert np.array_equal(margin.evaluate(points), whole)


@pytest.mark.parametrize(
    ("positive", "negative", "message"),
    [
        (np.zeros((0, 2)), np.ones((1, 2)), "both classes"),
        (np.zeros((1, 2)), np.ones((1, 3)), "2 and 3 coordinates"),
        (np.full((1, 2), np.nan), np.ones((1, 2)), "finite"),
    ],
)
def test_sets_without_meaning_are_refused(positive: np.ndarray, negative: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        MarginFunction(positive, negative, Norm.LINF)


def test_classes_too_close_for_float64_are_refused() -> None:
    with pytest.raises(InvalidInput, match="too close for float64"):
        MarginFunction(np.zeros((1, 2)), np.ones((1, 2)), Norm.LINF).error(Fraction(1, 2**60))
