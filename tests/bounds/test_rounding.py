"""Printed lower bounds are lower bounds and printed upper bounds upper ones, for every number and in every format."""

from fractions import Fraction

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import libmp

import bounds
from bounds.entry import Side
from bounds.evaluate import read_letter
from bounds.interval import Interval
from bounds.numerals import Way, numeral, written
from bounds.render import FORMATS
from bounds.special import entropy, entropy_inverse, interval, lambert, normal
from bounds.table import rows_table
from bounds.values import Enclosed

RATIONALS = st.fractions(min_value=-(10**40), max_value=10**40, max_denominator=10**12)


@given(RATIONALS, st.integers(1, 12))
def test_digits_rounded_down_and_up_enclose_the_number(value: Fraction, digits: int) -> None:
    low, high = (Fraction(str(numeral(value, digits, way))) for way in (Way.DOWN, Way.UP))
    assert low <= value <= high
    assert abs(Fraction(str(numeral(value, digits, Way.CUT)))) <= abs(value)
    assert high - low <= abs(value) * Fraction(10) ** (1 - digits) * 2


@given(st.integers(2, 10**6), st.integers(20_000, 10**7), st.integers(1, 8))
def test_digits_of_astronomical_powers_enclose_them(base: int, exponent: int, digits: int) -> None:
    power = Enclosed.of(Interval.of(base, 192).power(exponent))
    low, high = (str(written(power, side, digits)) for side in (Side.LOWER, Side.UPPER))
    with mpmath.workprec(300):
        logarithm = exponent * mpmath.log10(base)
        assert mpmath.log10(mpmath.mpf(low)) <= logarithm * (1 + mpmath.mpf(2) ** -250)
        assert logarithm * (1 - mpmath.mpf(2) ** -250) <= mpmath.log10(mpmath.mpf(high))


def test_ten_to_the_400_is_printed_without_error_in_every_format() -> None:
    entry = bounds.catalogue["vc.sign-vectors.count"]
    letters = dict(read_letter(name, value) for name, value in (("M", "10^400"), ("W", 3), ("L", 2)))
    answer = entry.at(letters)
    assert not isinstance(answer, bounds.OrderOnly)
    assert str(written(answer, Side.UPPER, 4)) == "9.523e1201"  # 2 (4e/3)^3 = 95.2206...
    for name, render in FORMATS.items():
        assert "9.523e1201" in render(rows_table("t", [entry], letters), 4), name


@pytest.mark.parametrize(("side", "printed"), [(Side.LOWER, "0.3333"), (Side.UPPER, "0.3334"), (Side.EXACT, "0.3333")])
def test_a_third_is_rounded_by_its_side(side: Side, printed: str) -> None:
    assert str(written(bounds.Exact(Fraction(1, 3)), side, 4)) == printed


def test_rounding_up_carries_into_a_new_digit() -> None:
    assert str(numeral(Fraction(99999, 100000), 4, Way.UP)) == "1"
    assert str(numeral(Fraction(-99999, 100000), 4, Way.DOWN)) == "-1"


def contains(enclosure: Interval, value: object) -> bool:
    ends = Enclosed.of(enclosure)
    return bool(ends.lower <= value <= ends.upper)


@given(st.fractions(min_value=-12, max_value=12, max_denominator=1000))
def test_the_normal_law_is_enclosed(x: Fraction) -> None:
    enclosure = normal(x, 128)
    with mpmath.workprec(600):
        reference = mpmath.ncdf(mpmath.mpf(x.numerator) / x.denominator)
        assert contains(enclosure, reference)
    assert enclosure.is_narrow(60)


@given(st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(999, 1000), max_denominator=1000))
def test_the_inverse_entropy_inverts_the_entropy(x: Fraction) -> None:
    back = interval(entropy_inverse(entropy(x, 160), 160), 160)
    nearest = min(x, 1 - x)
    low, high = Enclosed.of(back).lower, Enclosed.of(back).upper
    with mpmath.workprec(200):
        assert (
            low - mpmath.mpf(2) ** -60
            <= mpmath.mpf(nearest.numerator) / nearest.denominator
            <= high + mpmath.mpf(2) ** -60
        )


@given(st.fractions(min_value=Fraction(1, 100), max_value=10**6, max_denominator=100))
def test_lamberts_function_is_enclosed(x: Fraction) -> None:
    enclosure = interval(lambert(x, 128), 128)
    with mpmath.workprec(200):
        assert contains(enclosure, mpmath.lambertw(mpmath.mpf(x.numerator) / x.denominator).real)


@given(st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=50), st.integers(1, 30))
def test_interval_arithmetic_encloses_exact_arithmetic(x: Fraction, n: int) -> None:
    a, b = Interval.of(x, 64), Interval.of(Fraction(1, n), 64)
    for enclosure, exact in (
        (a + b, x + Fraction(1, n)),
        (a - b, x - Fraction(1, n)),
        (a * b, x / n),
        (a / b, x * n),
        (a.power(n), x**n),
        (a.power(-n), x**-n),
    ):
        ends = Enclosed.of(enclosure)
        low, high = (Fraction(*map(int, libmp.to_rational(end._mpf_))) for end in (ends.lower, ends.upper))
        assert low <= exact <= high


def test_an_irrational_formula_with_a_rational_value_is_shown_as_that_value() -> None:
    answer = bounds.catalogue["f-robust.radius"].evaluate(d=2, beta="1/4", K_minus=3)
    assert isinstance(answer, bounds.Enclosed)
    assert str(written(answer, Side.EXACT, 4)) == "1"
    assert str(written(answer, Side.LOWER, 4)) == "0.9999"
