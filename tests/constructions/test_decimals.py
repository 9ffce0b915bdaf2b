"""Short decimals on the safe side of a rational."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from constructions.decimals import ceil_text, floor_text


@given(st.fractions(), st.integers(1, 15))
def test_the_decimals_enclose_the_number_closely(value: Fraction, digits: int) -> None:
    lower, upper = Fraction(floor_text(value, digits)), Fraction(ceil_text(value, digits))
    assert lower <= value <= upper
    assert upper - lower <= abs(value) * Fraction(10) ** (1 - digits)


def test_short_numbers_are_printed_as_they_are() -> None:
    assert [floor_text(Fraction(k, 8)) for k in (0, 1, 8, -4)] == ["0", "0.125", "1", "-0.5"]
    assert floor_text(1 - Fraction(1, 10**9)) == "0.999999"
    assert ceil_text(1 + Fraction(1, 10**9)) == "1.00001"
