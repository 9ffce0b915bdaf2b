"""Fixed-point numbers in Python integers, with sine and cosine whose error is bounded by a short argument.

A ``Fixed`` array holds integers that count units of ``2**-96``. Sums are exact; ``product`` rounds down by less than a
unit. No claim rests on the floating point functions of a C library.
"""

import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

Fixed = np.ndarray
"""An object array of Python integers, in units of ``2**-BITS``."""

BITS = 96
ONE = 1 << BITS

_TWO_PI = 0x6487ED5110B4611A62633145C06E0E68948127044533E63A0105DF531D89CD91 >> (252 - BITS)
"""``floor(2 pi 2**96)``, from the first 66 hexadecimal digits of pi times two."""

TWO_PI_UP = Fraction(_TWO_PI + 1, ONE)
"""A rational just above ``2 pi``."""

TRIGONOMETRIC_ERROR = Fraction(1, 1 << 88)
"""How far ``cosines`` and ``sines`` are from the true values, at most."""

_TERMS = 14
"""Taylor terms: the first left out is below ``0.786**28 / 28! < 2**-100``."""


def fixed(value: Fraction) -> int:
    """``value`` in units, rounded down."""
    return (value.numerator << BITS) // value.denominator


def of_floats(numbers: Float64[np.ndarray, "..."]) -> Fixed:
    """Floats in units: exact for multiples of a unit, rounded down else."""
    mantissa, exponent = np.frexp(numbers)
    whole = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    power = (exponent.astype(np.int64) - 53 + BITS).astype(object)
    lifted = np.where(power >= 0, power, 0)
    dropped = np.where(power < 0, -power, 0)
    return np.asarray((whole << lifted) >> dropped, dtype=object)


def product(first: Fixed, second: Fixed | int) -> Fixed:
    """The product, rounded down by less than a unit."""
    return np.asarray((first * second) >> BITS, dtype=object)


def roots(numbers: Fixed) -> Fixed:
    """Square roots of non-negative numbers, rounded down by less than a unit."""
    return np.asarray(np.frompyfunc(math.isqrt, 1, 1)(numbers << BITS), dtype=object)


def turns_to_radians(turns: Fixed) -> Fixed:
    """``2 pi`` times each number of at most ``2**8`` turns, less at most ``2**9`` units."""
    return product(turns, _TWO_PI)


def cosines(turns: Fixed) -> Fixed:
    """``cos(2 pi t)`` of each t, within ``TRIGONOMETRIC_ERROR``."""
    return _quarters(turns)[0]


def sines(turns: Fixed) -> Fixed:
    """``sin(2 pi t)`` of each t, within ``TRIGONOMETRIC_ERROR``."""
    return _quarters(turns)[1]


def _quarters(turns: Fixed) -> tuple[Fixed, Fixed]:
    """Cosine and sine: the nearest quarter turn is split off exactly, Taylor's series serve the rest.

    The rest x has ``|x| <= pi / 4``; it and every term lose at most three units, so that each sum is off by less than
    ``14 * 3 + 3`` units and the terms left out, well below ``2**8`` units.
    """
    quarter = ((turns << 3) + ONE) >> (BITS + 1)
    x = turns_to_radians(turns - (quarter << (BITS - 2)))
    square = product(x, x)
    cosine, sine = _series(square, ONE + 0 * x, 0), _series(square, x, 1)
    phase = quarter & 3
    pairs = ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))
    found = [sum((phase == k) * pair[i] for k, pair in enumerate(pairs)) for i in range(2)]
    return np.asarray(found[0], dtype=object), np.asarray(found[1], dtype=object)


def _series(square: Fixed, term: Fixed, start: int) -> Fixed:
    total = term
    for n in range(_TERMS):
        term = -product(term, square) // ((2 * n + start + 1) * (2 * n + start + 2))
        total = total + term
    return total


def to_floats(numbers: Fixed, bits: int) -> Float64[np.ndarray, "..."]:
    """Each number at its nearest multiple of ``2**-bits``, as floats that are exactly that; ``|x| 2**bits < 2**53``."""
    whole = (numbers + (ONE >> (bits + 1))) >> (BITS - bits)
    return np.ldexp(whole.astype(np.float64), -bits)
