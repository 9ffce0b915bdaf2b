"""The integer searches against definitions evaluated one integer at a time."""

from fractions import Fraction
from itertools import count
from math import e, isqrt, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounds import growth
from bounds.architecture import Architecture
from bounds.interval import Interval
from bounds.values import Enclosed


def slow_smallest_size(points: int, kept: float, inputs: int) -> int:
    return next(
        P for P in count(1) if 1 + P * P + P * log2(2 * e * points) + P * log2(P * (P + inputs)) >= kept * points
    )


@given(st.integers(1, 20_000), st.integers(1, 1000))
def test_the_smallest_size_is_the_first_that_suffices(points: int, inputs: int) -> None:
    found = growth.smallest_size(Fraction(points), Fraction(1), Fraction(inputs), 128)
    assert found == slow_smallest_size(points, 1.0, inputs)


def test_no_size_is_called_too_small_when_half_the_points_may_be_lost() -> None:
    assert growth.smallest_size(Fraction(10_000), Fraction(1, 2), Fraction(5), 128) == slow_smallest_size(
        10_000, 0.5, 5
    )


@pytest.mark.parametrize("digits", [30, 400, 10_000, 10**6])
def test_astronomical_sizes_are_enclosed_near_the_square_root(digits: int) -> None:
    points = Interval.of(10, 128).power(digits)
    found = growth.smallest_size(points, Fraction(1), Fraction(784), 128)
    around = found if isinstance(found, Interval) else Interval.of(found, 128)
    ratio = Enclosed.of(around * around / points)
    assert 1 - 1e-10 < ratio.lower <= ratio.upper < 1 + 1e-15


@pytest.mark.parametrize("widths", [(2, 4, 1), (1, 1), (3, 2, 2, 1), (5, 7, 1)])
def test_solved_growth_bounds_are_the_last_number_that_fits(widths: tuple[int, ...]) -> None:
    shape = Architecture(widths)

    def bhlm(m: int) -> float:
        layers = zip(shape.cumulative_parameters, widths[1:], strict=True)
        return sum(1 + W * log2(2 * e * m * i * k / W) for i, (W, k) in enumerate(layers, start=1))

    def state(m: int) -> float:
        W, U = shape.parameters, shape.hidden_units
        return 1 + W * (U + 1 + log2(2 * e * m * (U + 1) / W))

    for solved, bound in (
        (growth.bhlm_solved(shape, 128), bhlm),
        (growth.state_solved(shape.parameters, shape.hidden_units, 128), state),
    ):
        assert bound(solved) >= solved
        assert bound(solved + 1) < solved + 1


@given(st.integers(2, 200), st.integers(1, 60))
def test_pair_groups_are_the_best_over_all_pairs(samples: int, inputs: int) -> None:
    pairs = [(r, t) for r in range(1, inputs + 1) for t in range(1, inputs // r + 1) if r + t <= samples]
    assert growth.pair_groups(samples, inputs) == max((r * t * (samples // (r + t)) for r, t in pairs), default=0)


@given(st.integers(1, 3000))
def test_the_density_of_pair_groups_is_the_best_over_all_pairs(inputs: int) -> None:
    best = max(Fraction(r * t, r + t) for r in range(1, isqrt(inputs) + 1) for t in (inputs // r,))
    assert growth.pair_density(inputs) == best
    assert growth.pair_groups(10**7, inputs) <= 10**7 * best


def test_the_cumulative_counts_of_an_architecture_by_hand() -> None:
    shape = Architecture((2, 4, 1))
    assert shape.cumulative_parameters == (12, 17)
    assert (shape.weighted_units, shape.hidden_units, shape.layers) == (6, 4, 2)
