"""A manifold given by one chart: a box of parameters, a map into space, and how fast the map moves points."""

import abc
import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64

from constructions.manifold.fixed import BITS, Fixed, fixed, of_floats

COORDINATE_ERROR = Fraction(1, 1 << 80)
"""How far a computed coordinate of a chart or of an embedded point may be from the true one."""


@dc.dataclass(frozen=True, slots=True)
class Axis:
    """One parameter: it runs through [lower, upper], and moves the point by at most ``speed`` per unit, in l2.

    On a ``closed`` axis the two ends are the same point, and parameters are compared around the circle.
    """

    lower: Fraction
    upper: Fraction
    speed: Fraction
    closed: bool = False

    @property
    def units(self) -> tuple[int, int]:
        """The ends in units, rounded inwards."""
        return -fixed(-self.lower), fixed(self.upper)

    @property
    def length(self) -> Fraction:
        """At most how far the point travels along the whole axis."""
        return (self.upper - self.lower) * self.speed


@dc.dataclass(frozen=True, slots=True, eq=False)
class Places:
    """N parameter vectors: place i has ``ticks[j][index[i, j]]`` as its parameter j, so that ticks are shared."""

    ticks: tuple[Fixed, ...]
    index: Int64[np.ndarray, "N k"]

    @classmethod
    def of(cls, parameters: Float64[np.ndarray, "N k"], axes: tuple[Axis, ...]) -> "Places":
        """Arbitrary parameter vectors, moved into the axes where rounding put them outside."""
        index = np.broadcast_to(np.arange(len(parameters))[:, None], parameters.shape)
        ticks = (np.clip(of_floats(column), *axis.units) for column, axis in zip(parameters.T, axes, strict=True))
        return cls(tuple(ticks), np.ascontiguousarray(index))

    def __len__(self) -> int:
        return len(self.index)

    def spread(self, axis: int, values: Fixed) -> Fixed:
        """``values``, one for each tick of ``axis``, at the places."""
        return values[self.index[:, axis]]

    def take(self, rows: np.ndarray) -> "Places":
        """The places at ``rows``."""
        return Places(self.ticks, self.index[rows])


@dc.dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a manifold. No claim of a network rests on these numbers.

    ``reach`` is the largest r such that points closer than r have one nearest point of the manifold; where
    ``reach_is_bound``, it is only an upper bound of that. ``volume`` is rounded to nearest. ``ricci_nonnegative`` and
    ``boundary`` decide whether Theorem 5.8 of li2022 speaks of it: it asks for no boundary and Ricci >= 0.
    """

    reach: float
    volume: float
    ricci_nonnegative: bool
    boundary: bool
    reach_is_bound: bool = False

    @property
    def lower_bound_applies(self) -> bool:
        """Whether it has the curvature and completeness that the printed lower bound asks for."""
        return self.ricci_nonnegative and not self.boundary


class Manifold(abc.ABC):
    """A compact manifold in R^m around the origin, with one chart that covers it.

    Laws, which ``tests/constructions/test_manifold_charts.py`` checks:

    1. ``coordinates`` is within ``COORDINATE_ERROR`` of the chart map, coordinate by coordinate.
    2. Places whose parameters differ by at most h_j on axis j are at most ``sqrt(sum (speed_j h_j)**2)`` apart in l2;
       where ``independent``, at most ``max speed_j h_j`` in linf.
    3. No point is further than ``extent`` from the origin in l2, and no coordinate larger than ``width``.
    """

    kind: ClassVar[str]
    independent: ClassVar[bool] = False
    """Whether each axis moves coordinates of its own."""

    @property
    @abc.abstractmethod
    def ambient(self) -> int:
        """m, the dimension of the space it is given in."""

    @property
    @abc.abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """The parameters; their number is the manifold's dimension k."""

    @property
    @abc.abstractmethod
    def extent(self) -> Fraction:
        """A bound of the points' l2 norms."""

    @property
    @abc.abstractmethod
    def width(self) -> Fraction:
        """A bound of the coordinates."""

    @property
    @abc.abstractmethod
    def facts(self) -> Facts:
        """Reach, volume, curvature, boundary."""

    @abc.abstractmethod
    def coordinates(self, places: Places) -> Fixed:
        """The points (N, m) at some places."""

    @abc.abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        """Parameters of random points, uniform by volume up to rounding."""

    @property
    def dimension(self) -> int:
        """k, the number of parameters."""
        return len(self.axes)


def nodes(axis: Axis, cells: int) -> Fixed:
    """The middles of ``cells`` equal pieces of an axis, each rounded down by less than a unit.

    On a closed axis the pieces are laid so that the first middle is the lower end.
    """
    steps = 2 * np.arange(cells).astype(object) + (0 if axis.closed else 1)
    step = (axis.upper - axis.lower) / (2 * cells)
    common = axis.lower.denominator * step.denominator
    numerators = axis.lower.numerator * step.denominator + steps * (step.numerator * axis.lower.denominator)
    return np.asarray((numerators << BITS) // common, dtype=object)
