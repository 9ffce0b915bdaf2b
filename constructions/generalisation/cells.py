"""Equal cubes that tile the unit cube, and the covers that their centres make."""

import dataclasses as dc
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.generalisation.sizes import in_words

LARGEST = 4_000_000
"""Cells that may be looked at one by one."""
_BLOCK = 1 << 18
_ROUNDING = Fraction(1, 2**52)
_ALMOST = Fraction(4095, 4096)


@dc.dataclass(frozen=True, slots=True)
class Cells:
    """The ``side**dimension`` closed cubes of edge ``1/side`` that tile the unit cube; distances are in ``norm``."""

    side: int
    dimension: int
    norm: Norm

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.side**self.dimension

    @property
    def radius(self) -> Fraction:
        """No point of a cell is farther than this from its centre, the rounding of ``containing`` included."""
        return _half_diagonal(self.dimension, self.norm) / self.side + self.dimension * _ROUNDING

    def containing(self, points: Float64[np.ndarray, "N d"]) -> Int64[np.ndarray, "K d"]:
        """The different cells that contain points of the unit cube, by their lowest corner times ``side``."""
        found = np.minimum(np.floor(points * float(self.side)), self.side - 1).astype(np.int64)
        return np.unique(found, axis=0)

    def everywhere(self) -> Iterator[Int64[np.ndarray, "K d"]]:
        """All cells, block by block.

        Raises:
            InvalidInput: more than ``LARGEST`` cells; the message says how many before anything is allocated.
        """
        if self.count > LARGEST:
            raise InvalidInput(
                f"{self.side} cells a side in {self.dimension} dimensions are {in_words(self.count)} cells; at most "
                f"{LARGEST:,} are looked at. Take a larger eps or a smaller c, or cover a finite set of points."
            )
        shape = (self.side,) * self.dimension
        for start in range(0, self.count, _BLOCK):
            index = np.arange(start, min(start + _BLOCK, self.count))
            yield np.stack(np.unravel_index(index, shape), axis=1).astype(np.int64)

    def centres(self, cells: Int64[np.ndarray, "K d"]) -> Float64[np.ndarray, "K d"]:
        """The centres of cells, as the nearest floats."""
        return (2 * cells + 1) / (2.0 * self.side)


def _half_diagonal(dimension: int, norm: Norm) -> Fraction:
    match norm:
        case Norm.LINF:
            return Fraction(1, 2)
        case Norm.L2:
            return Fraction(sqrt_up(Fraction(dimension, 4)))
        case Norm.L1:
            return Fraction(dimension, 2)


def coarsest(dimension: int, norm: Norm, radius: Fraction) -> Cells:
    """The fewest cells whose radius is below ``radius``, by at least a 4096th of it, so that ramps are not too steep.

    In linf ``floor(1 / (2 radius)) + 1`` a side, or one more where that leaves less.

    Raises:
        InvalidInput: a radius too small for float64.
    """
    if radius < Fraction(1, 2**30):
        raise InvalidInput(f"Cells of radius {float(radius):g} are too small; take a larger eps or a smaller c.")
    side = math.floor(_half_diagonal(dimension, norm) / radius) + 1
    while Cells(side, dimension, norm).radius > radius * _ALMOST:
        side += 1
    return Cells(side, dimension, norm)
