"""Labelled points on a dyadic grid, with a radius and the exact distance of the classes: where memorizers start.

Points move to a grid and the radius grows by as much, so that balls around the moved points contain the balls asked
for. From there on every number is dyadic, and the network in float64 is the network of the proof.
"""

import dataclasses as dc
import functools
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.decimals import floor_text
from constructions.dyadic import ceil_to, snap, sqrt_floor
from constructions.origin import Contents
from constructions.separation import ClosestPair, Plan, measure
from constructions.theorem import Labelled

_PRECISION = 53
_SHOWN = 12


@dc.dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Points of at least two classes, multiples of ``2**-bits``, whose closed balls of ``radius`` are disjoint.

    ``points`` (N, d) lie within ``movement`` of the given ones; ``radius``, a multiple of ``2**-bits``, is at least
    ``delta + movement``, so that the ball of ``radius`` around a point contains the ball of ``delta`` around the given
    one. ``nearest`` is the closest pair of different classes, exact (for l2 its squared distance).
    """

    points: Float64[np.ndarray, "N d"]
    labels: Int64[np.ndarray, " N"]
    norm: Norm
    delta: Fraction
    bits: int
    movement: Fraction
    radius: Fraction
    nearest: ClosestPair

    @property
    def distance(self) -> Fraction:
        """A multiple of ``2**-bits`` not above the distance of any two points of different classes; for l1, linf it."""
        return sqrt_floor(self.nearest.exact, self.bits) if self.norm is Norm.L2 else self.nearest.exact

    @property
    def gap(self) -> Fraction:
        """``distance - 2 radius > 0``: two balls of different classes are at least this far apart."""
        return self.distance - 2 * self.radius

    @property
    def classes(self) -> int:
        """How many classes the labels span, at least two."""
        return max(2, int(self.labels.max()) + 1)

    @property
    def width(self) -> int:
        """The number d of coordinates."""
        return self.points.shape[1]

    @property
    def minority(self) -> int:
        """Of two classes the one with fewer points; label 1 when they are equally many."""
        positive = int(self.labels.sum())
        return 1 if 2 * positive <= len(self.labels) else 0


def grid_bits(points: Float64[np.ndarray, "N d"], delta: Fraction, spare: int) -> int:
    """The finest grid ``2**-bits`` on which ``2**spare`` times the largest difference within the balls is a float64.

    Sums that stay below ``2**spare`` times that difference, of multiples of ``2**-bits``, are then exact.
    """
    reach = 2 * (Fraction(float(np.abs(points).max())) + delta)
    return _PRECISION - 1 - spare - math.frexp(float(reach))[1]


def separate(data: Labelled, norm: Norm, delta: Fraction, *, spare: int) -> Separated:
    """The points on the finest grid that leaves ``spare`` bits for sums, with their exact separation.

    Points that lie on the grid already do not move: multiples of 1/16 as little as small integers. The answer for the
    last set is kept, since building and every proof ask again.

    Raises:
        InvalidInput: a single class, equal points with different labels, ``delta < 0``, or balls of different classes
            that overlap or touch; the message names the closest pair and the largest admissible delta.
    """
    delta = Fraction(delta)  # exact even for a float, which would spoil all arithmetic that follows
    if delta < 0:
        raise InvalidInput(f"A radius must be >= 0, got delta = {delta}.")
    found = _separate(Contents.of(data), norm, delta, spare)
    if found.gap <= 0:
        raise InvalidInput(_too_close(found))
    return found


@functools.lru_cache(maxsize=1)
def _separate(contents: Contents, norm: Norm, delta: Fraction, spare: int) -> Separated:
    data = contents.data
    bits = grid_bits(data.points, delta, spare)
    moved = snap(data.points, bits, norm)
    nearest = measure(moved.points, data.labels, norm, same_class=False, plan=Plan.fastest()).cross
    radius = ceil_to(delta + moved.error, bits)
    return Separated(moved.points, data.labels.copy(), norm, delta, bits, moved.error, radius, nearest)


def largest_delta(found: Separated) -> Fraction:
    """The largest multiple of the grid that is admissible as delta for these points; negative when there is none."""
    grain = Fraction(1, 2) ** found.bits
    below = math.ceil(found.distance / (2 * grain)) - 1
    return (below - math.ceil(found.movement / grain)) * grain


def _too_close(found: Separated) -> str:
    i, j, norm = found.nearest.first, found.nearest.second, found.norm
    most = largest_delta(found)
    advice = f"the largest admissible delta is {floor_text(most, _SHOWN)}" if most >= 0 else "no delta is admissible"
    return (
        f"Points {i} (label {found.labels[i]}) and {j} (label {found.labels[j]}) are {found.nearest.lower:.6g} apart "
        f"in {norm}, so that their balls of radius delta = {float(found.delta):g} overlap or touch; {advice}."
    )
