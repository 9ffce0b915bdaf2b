"""Affine forms that compare squared distances: what is left of them without the square of the input.

``2 <p, x> - ||p||**2 = ||x||**2 - ||x - p||**2``, so that comparing these forms of two points compares distances. The
forms plus a common shift are non-negative on every ball, and all their numbers are float64 without rounding.
"""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.compose import Forms
from constructions.dyadic import exact_float, shorten_up
from constructions.memorizer.hinges import require_size
from constructions.memorizer.separated import Separated, grid_bits, separate
from constructions.memorizer.squared import largest_coordinate, power_above
from constructions.theorem import Labelled

_DIGITS = 6
_PRECISION = 53


@dc.dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """Points with what makes their forms ``shift + 2 <p, x> - ||p||**2`` non-negative on all balls of ``found``.

    ``cube`` is a power of two that no coordinate of a point of a ball exceeds; ``squares`` are the ``||p||**2``.
    """

    found: Separated
    squares: Float64[np.ndarray, " N"]
    shift: Fraction
    cube: Fraction

    @classmethod
    def of(cls, data: Labelled, delta: Fraction, *, moved: bool) -> "Powers":
        """The points on the finest grid on which all numbers are exact, those of forms in x or of ``x + cube``.

        Sound because for x in a ball around a point, ``||x|| <= M + radius`` with M the largest norm of a point, and
        ``shift >= M**2 + 2 M (M + radius) >= ||p||**2 - 2 <p, x>`` for every p.

        Raises:
            InvalidInput: as ``separate``, or a class without points.
        """
        _require_every_class(data)
        require_size(data.points.size, f"{len(data.labels):,} points in {data.points.shape[1]:,} dimensions")
        bits = _finest(data, delta, moved=moved)
        found = separate(data, Norm.L2, delta, spare=grid_bits(data.points, delta, 0) - bits)
        squares = np.einsum("ij,ij->i", found.points, found.points)
        largest = Fraction(float(squares.max()))
        reach = Fraction(sqrt_up(largest))
        shift = shorten_up(largest + 2 * reach * (reach + found.radius), _DIGITS)
        assert shift * 4**found.bits < 2**_PRECISION, "squared norms must be exact"
        return cls(found, squares, shift, power_above(largest_coordinate(found)))

    def forms(self, label: int) -> Forms:
        """The forms of one class, in its points' order: non-negative on all balls."""
        members = self.found.labels == label
        return Forms.of(2.0 * self.found.points[members], exact_float(self.shift) - self.squares[members])

    def moved_forms(self, label: int) -> Forms:
        """The same in the coordinates ``u = x + cube``, which are non-negative on all balls."""
        forms, cube = self.forms(label), exact_float(self.cube)
        return Forms(forms.weight, forms.bias - cube * (forms.weight @ np.ones(self.found.width)))


def _finest(data: Labelled, delta: Fraction, *, moved: bool) -> int:
    """The largest bits for which multiples of ``4**-bits`` up to the size of any bias are float64.

    A radius above the largest norm is never admissible and counts as that norm here.
    """
    largest = math.sqrt(float(np.einsum("ij,ij->i", data.points, data.points).max())) or 1.0
    if not 1e-100 < largest < 1e100:
        raise InvalidInput(f"The largest norm of a point is {largest:g}; scale the data to about 1.")
    size = 3.3 * largest**2 + 2.2 * largest * min(float(delta), largest)
    if moved:
        cube = power_above(Fraction(largest) * Fraction(9, 4))
        size += 2 * float(cube) * largest * math.sqrt(data.points.shape[1])
    return (_PRECISION - math.frexp(size)[1]) // 2


def _require_every_class(data: Labelled) -> None:
    counts = np.bincount(data.labels, minlength=data.classes)
    if data.classes > 2 and not counts.all():
        empty = int(np.flatnonzero(counts == 0)[0])
        raise InvalidInput(
            f"Class {empty} has no points, and the labels go up to {data.classes - 1}: number the classes without gaps."
        )
