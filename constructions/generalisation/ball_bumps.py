"""Paraboloid bumps around the centres of a cover, in l2."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
import scipy.sparse as sp

from certify.errors import InvalidInput
from certify.network import Network
from constructions.compose import Chain
from constructions.dyadic import exact_float, floor_to
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import Attack
from constructions.memorizer.hinges import require_size
from constructions.memorizer.paraboloid import bump_forms
from constructions.memorizer.squared import Fall, power_above, summed_squares

_SLOPE = 8  # significant bits of a slope
_MOST_LEVELS = 100
_MOST_COORDINATES = 1000


def finest(dimension: int, half: Fraction) -> int:
    """Binary places of centres at which squared distances in ``[-half, half]^dimension``, times a slope, are exact.

    Raises:
        InvalidInput: too many dimensions.
    """
    if dimension > _MOST_COORDINATES:
        raise InvalidInput(f"A cover by balls is made in at most {_MOST_COORDINATES} dimensions, got {dimension}.")
    return (53 - _SLOPE - math.frexp(float(4 * half**2 * dimension))[1]) // 2


def half_width(attack: Attack) -> Fraction:
    """Half the width of a cube around 0 that holds every attacked input, a power of two."""
    return power_above(1 + attack.radius)


@dc.dataclass(frozen=True, slots=True, eq=False)
class BallBumps:
    """A bump ``relu(slope * (outer - S))`` around each centre, S its squared distance up to an error: see ``Fall``.

    At least 1 within ``c eps + radius`` of its centre, 0 at ``2 eps - offset - c eps`` and beyond.

    Raises:
        InvalidInput: no room for a ramp, or none beside the rounding of squares.
    """

    centres: Centres
    attack: Attack

    def __post_init__(self) -> None:
        if self.centres.room(self.attack) <= 0 or self.levels > _MOST_LEVELS or self._outer <= self._plateau**2:
            raise InvalidInput(
                f"A cover of radius {float(self.centres.radius):g} leaves no room for bumps when classes are "
                f"{float(2 * self.attack.eps):g} apart and inputs move by {float(self.attack.radius):g}; "
                f"take a smaller c."
            )

    @property
    def half(self) -> Fraction:
        """See ``half_width``."""
        return half_width(self.attack)

    @property
    def levels(self) -> int:
        """How many levels of squares: their error is at most 31/64 of what a bump may fall over."""
        room = (self._outer - self._plateau**2) * Fraction(31, 64)
        levels = 1
        while self._error(levels) > room and levels <= _MOST_LEVELS:
            levels += 1
        return levels

    @property
    def fall(self) -> Fall:
        """Where the bumps fall from 1 to 0, in squared distances."""
        return Fall(self._plateau**2 + self._error(self.levels), self._outer)

    @property
    def _plateau(self) -> Fraction:
        return self.attack.radius + self.centres.radius

    @property
    def _outer(self) -> Fraction:
        nearest = 2 * self.attack.eps - self.centres.offset - self.attack.radius
        return floor_to(nearest**2, 2 * self.centres.bits)

    def _error(self, levels: int) -> Fraction:
        return self.half**2 * self.centres.places.shape[1] / Fraction(4) ** levels

    def network(self) -> Network:
        """``2 * sum of bumps - 1``; of use where no coordinate exceeds ``half``."""
        count, width = self.centres.places.shape
        require_size(count * (width + 1), f"{count:,} bumps")
        chain = Chain(width)
        cells = chain.inputs().scaled(exact_float(1 / (2 * self.half))) + 0.5
        squares, cells = summed_squares(chain, cells, sp.csr_array(np.ones((1, width))), self.levels, carry=True)
        chain.relu(squares, cells)
        (bumps,) = chain.relu(bump_forms(self.centres.places, self.half, self.fall))
        return chain.output(bumps.combined(np.full((1, count), 2.0)) - 1.0)
