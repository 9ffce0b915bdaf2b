"""Rational numbers as short decimals that err on the safe side: what is printed holds."""

import decimal
from fractions import Fraction


def floor_text(value: Fraction | int, digits: int = 6) -> str:
    """A decimal of at most ``digits`` significant digits that is not above ``value``."""
    return _text(value, digits, decimal.ROUND_FLOOR)


def ceil_text(value: Fraction | int, digits: int = 6) -> str:
    """A decimal of at most ``digits`` significant digits that is not below ``value``."""
    return _text(value, digits, decimal.ROUND_CEILING)


def _text(value: Fraction | int, digits: int, direction: str) -> str:
    with decimal.localcontext(prec=digits, rounding=direction):
        return f"{decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator):g}"
