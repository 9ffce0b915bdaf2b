"""How far apart points can be whose projections are close: a certificate over all pairs of a net, in exact numbers."""

import dataclasses as dc
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput

LARGEST_NET = 5000
"""The most points whose pairs are examined."""

_BLOCK = 1 << 20


@dc.dataclass(frozen=True, slots=True)
class Modulus:
    """``|a - b|_inf <= rate |Phi a - Phi b|_inf + offset`` for all points a, b of a net; ``rate`` is 1/kappa."""

    rate: Fraction
    offset: Fraction


def candidates() -> list[Fraction]:
    """Rates from 1 to 256, four an octave: three significant bits, so that their products are exact."""
    return [Fraction(2**octave * quarter, 4) for octave in range(8) for quarter in range(4, 8)]


def require_pairs(count: int) -> None:
    """Refuses a net that is too large.

    Raises:
        InvalidInput: more than ``LARGEST_NET`` points.
    """
    if count > LARGEST_NET:
        raise InvalidInput(
            f"The certificate looks at all pairs of {count:,} net points; at most {LARGEST_NET:,} are allowed. Take a "
            f"larger radius."
        )


def moduli(
    points: Float64[np.ndarray, "K d"], images: Float64[np.ndarray, "K m"], rates: Sequence[Fraction]
) -> list[Modulus]:
    """The least offset for each rate, exact: points are multiples of ``2**-20``, images of ``2**-38``, in unit cubes.

    Raises:
        InvalidInput: more than ``LARGEST_NET`` points.
    """
    require_pairs(len(points))
    worst = np.zeros(len(rates))
    for start in range(0, len(points), max(1, _BLOCK // len(points))):
        rows = slice(start, start + max(1, _BLOCK // len(points)))
        far, near = _distances(points[rows], points), _distances(images[rows], images)
        worst = np.maximum(worst, [float((far - float(rate) * near).max()) for rate in rates])
    return [Modulus(rate, Fraction(float(offset))) for rate, offset in zip(rates, worst, strict=True)]


def _distances(first: Float64[np.ndarray, "b m"], second: Float64[np.ndarray, "K m"]) -> Float64[np.ndarray, "b K"]:
    """All distances in linf, coordinate by coordinate; differences of these dyadic numbers are exact."""
    found = np.zeros((len(first), len(second)))
    for one, other in zip(first.T, second.T, strict=True):
        np.maximum(found, np.abs(one[:, None] - other[None]), out=found)
    return found
