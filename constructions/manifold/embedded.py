"""A manifold in the unit cube: random points of it, and covers whose radius is certified by the chart."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.manifold.chart import COORDINATE_ERROR, Manifold, Places, nodes
from constructions.manifold.fixed import ONE, Fixed, to_floats
from constructions.manifold.frame import Frame

LIMIT = 1_000_000
"""The largest number of nodes that a cover may have."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of an embedded manifold: where they are on the chart, and their coordinates in space.

    ``coordinates`` (N, d) are within ``COORDINATE_ERROR`` of the true point, each.
    """

    places: Places
    coordinates: Fixed

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: np.ndarray) -> "Points":
        """The points at ``rows``."""
        return Points(self.places.take(rows), self.coordinates[rows])

    def rounded(self, bits: int) -> Float64[np.ndarray, "N d"]:
        """Float points, multiples of ``2**-bits``, no further from the true ones than ``Embedded.rounding``."""
        return to_floats(self.coordinates, bits)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Points of a manifold of which every other one is within ``radius``, in ``norm``: the middles of a grid of cells.

    A point's parameters differ from those of its cell's middle by at most half a cell, and the chart's speeds turn that
    into a distance.
    """

    points: Points
    radius: Fraction
    norm: Norm


@dc.dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The manifold ``1/2 + Q psi(parameters)`` in ``[0, 1]^d``.

    Raises:
        InvalidInput: it does not fit the cube, or the frame reads another number of coordinates.
    """

    manifold: Manifold
    frame: Frame

    def __post_init__(self) -> None:
        manifold, frame = self.manifold, self.frame
        if frame.matrix.shape[1] != manifold.ambient:
            raise InvalidInput(
                f"A {manifold.kind} in {manifold.ambient} coordinates does not fit a frame of "
                f"{frame.matrix.shape[1]} columns."
            )
        reaches = manifold.width if frame.selects else frame.row_norm * manifold.extent
        if reaches > Fraction(1, 2):
            raise InvalidInput(
                f"This {manifold.kind} reaches {float(reaches):.4g} from the centre of the unit cube in some "
                f"coordinate, more than 1/2; make it smaller by the factor {float(1 / (2 * reaches)):.4g}."
            )

    @classmethod
    def plain(cls, manifold: Manifold) -> "Embedded":
        """In its own coordinates, moved to the middle of the cube."""
        return cls(manifold, Frame.identity(manifold.ambient, manifold.ambient))

    @classmethod
    def rotated(cls, manifold: Manifold, width: int, seed: int) -> "Embedded":
        """In ``width`` dimensions, turned at random.

        Raises:
            InvalidInput: fewer dimensions than the manifold needs.
        """
        if width < manifold.ambient:
            raise InvalidInput(f"A {manifold.kind} needs {manifold.ambient} dimensions, got {width}.")
        return cls(manifold, Frame.random(manifold.ambient, width, seed))

    @property
    def width(self) -> int:
        """d, the dimension of the space."""
        return self.frame.width

    def at(self, places: Places) -> Points:
        """The points at some places."""
        return Points(places, self.frame.place(self.manifold.coordinates(places)))

    def draw(self, count: int, rng: np.random.Generator) -> Points:
        """Random points, uniform by volume."""
        return self.at(Places.of(self.manifold.draw(count, rng), self.manifold.axes))

    def rounding(self, bits: int, norm: Norm) -> Fraction:
        """How far ``Points.rounded(bits)`` are from the manifold points that they stand for, at most, in l2 or linf."""
        each = Fraction(1, 2 << bits) + COORDINATE_ERROR
        return each if norm is Norm.LINF else each * Fraction(sqrt_up(Fraction(self.width)))

    def cells(self, radius: Fraction, norm: Norm) -> tuple[int, ...]:
        """How many cells along each axis a cover of this radius needs.

        Raises:
            InvalidInput: l1, or a radius that is not positive.
        """
        if norm is Norm.L1 or radius <= 0:
            raise InvalidInput(f"Covers have a positive radius in l2 or linf, got {radius} in {norm}.")
        reach = self.frame.stretch(norm) * Fraction(sqrt_up(Fraction(self._adding(norm))))
        below = radius * (1 - Fraction(1, 1 << 40))
        return tuple(max(1, math.ceil(reach * axis.length / (2 * below))) for axis in self.manifold.axes)

    def cover(self, radius: Fraction, norm: Norm) -> Cover:
        """A cover whose certified radius is at most ``radius``.

        Raises:
            InvalidInput: as ``cells``, and more than ``LIMIT`` nodes, which are counted before they are made.
        """
        cells = self.cells(radius, norm)
        if (size := math.prod(cells)) > LIMIT:
            raise InvalidInput(
                f"A cover of radius {float(radius):g} needs {size:,} nodes ({' x '.join(map(str, cells))}), more than "
                f"the limit of {LIMIT:,}; take a larger radius."
            )
        axes = self.manifold.axes
        ticks = tuple(nodes(axis, count) for axis, count in zip(axes, cells, strict=True))
        index = np.stack(np.unravel_index(np.arange(size), cells), axis=1).astype(np.int64)
        halves = [
            axis.length / (2 * count) + axis.speed / ONE for axis, count in zip(axes, cells, strict=True)
        ]  # a middle is rounded by less than a unit
        certified = self._distance(halves, norm)
        assert certified <= radius, "the number of cells leaves room for rounding"
        return Cover(self.at(Places(ticks, index)), certified, norm)

    def _adding(self, norm: Norm) -> int:
        """How many axes can move one point at once, as far as ``norm`` sees."""
        apart = norm is Norm.LINF and self.manifold.independent and self.frame.selects
        return 1 if apart else self.manifold.dimension

    def _distance(self, moves: list[Fraction], norm: Norm) -> Fraction:
        """How far a point gets when it moves by at most ``moves`` along the axes."""
        if self._adding(norm) == 1:
            return self.frame.stretch(norm) * max(moves)
        return self.frame.stretch(norm) * Fraction(sqrt_up(sum((move * move for move in moves), Fraction(0))))
