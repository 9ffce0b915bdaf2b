"""Rounding goes the safe way, and no further than it must."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.rounding import UNIT, distance_up, float_down, float_up, gamma, print_ceil, print_floor, sqrt_up

fractions = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**12)
floats = st.floats(-1e6, 1e6)


@given(fractions)
def test_a_fraction_lies_between_its_two_floats(value: Fraction) -> None:
    low, high = float_down(value), float_up(value)
    assert Fraction(low) <= value <= Fraction(high)
    assert low == high or math.nextafter(low, math.inf) == high


def test_zero_keeps_its_sign() -> None:
    assert math.copysign(1.0, float_up(Fraction(0))) == math.copysign(1.0, float_down(Fraction(0))) == 1.0


@given(floats)
def test_a_float_is_its_own_neighbour(value: float) -> None:
    assert float_down(Fraction(value)) == float_up(Fraction(value)) == value


@given(st.fractions(min_value=0, max_value=10**6, max_denominator=10**12))
def test_a_root_is_rounded_up_by_at_most_two_units(value: Fraction) -> None:
    root = sqrt_up(value)
    assert Fraction(root) ** 2 >= value
    below = math.nextafter(math.nextafter(root, -math.inf), -math.inf)
    assert below < 0 or Fraction(below) ** 2 <= value


@pytest.mark.parametrize("exponent", [-1300, -1074, -1030, -961, -960, 0, 1023, 1500])
def test_a_root_of_a_tiny_or_huge_number_is_as_near(exponent: int) -> None:
    value = Fraction(3) * Fraction(2) ** exponent
    root = Fraction(sqrt_up(value))
    assert value <= root**2 <= value * Fraction(1 + 8 * UNIT)
    assert sqrt_up(Fraction(2) ** -4000) == 2.0**-1074


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=4), st.sampled_from([1.0, 2.0, math.inf]))
def test_a_distance_is_never_too_small_and_hardly_too_large(pairs: list[tuple[float, float]], exponent: float) -> None:
    first, second = zip(*pairs, strict=True)
    gaps = [abs(Fraction(a) - Fraction(b)) for a, b in pairs]
    distance = Fraction(distance_up(first, second, exponent))
    power = 2 if exponent == 2 else 1
    exact = max(gaps) if math.isinf(exponent) else sum((gap**power for gap in gaps), Fraction(0))
    assert exact <= distance**power <= exact * Fraction(1 + 8 * UNIT) + Fraction(2) ** -1000


@pytest.mark.parametrize("terms", [1, 3, 784, 10**6])
def test_gamma_is_not_below_its_formula(terms: int) -> None:
    unit = Fraction(UNIT)
    assert Fraction(gamma(terms)) >= terms * unit / (1 - terms * unit)
    assert gamma(terms) <= terms * UNIT * (1 + 1e-8)


def test_a_sum_that_is_too_long_has_no_gamma() -> None:
    with pytest.raises(ValueError, match="the sum is too long"):
        gamma(2**24, unit=2.0**-24)


@given(floats, st.integers(0, 8))
def test_printed_numbers_hold(value: float, digits: int) -> None:
    low, high = print_floor(value, digits), print_ceil(value, digits)
    assert Fraction(low) <= Fraction(value) <= Fraction(high)
    assert Fraction(high) - Fraction(low) <= Fraction(1, 10**digits)


def test_a_printed_radius_is_floored_and_an_attack_is_raised() -> None:
    assert (print_floor(0.29999999, 3), print_ceil(0.30000001, 3)) == ("0.299", "0.301")
    assert print_floor(2.0**-1074, 2) == "0.00"
    assert (print_floor(math.inf), print_ceil(math.inf)) == ("inf", "inf")
