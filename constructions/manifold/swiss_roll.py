"""The swiss roll: a strip rolled up along a spiral of Archimedes."""

import dataclasses as dc
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.rounding import sqrt_up
from constructions.manifold.chart import Axis, Facts, Manifold, Places
from constructions.manifold.fixed import TWO_PI_UP, Fixed, cosines, fixed, product, roots, sines, turns_to_radians


@dc.dataclass(frozen=True, slots=True)
class SwissRoll(Manifold):
    """``(a t cos t, y, a t sin t)`` for t between ``inner`` and ``outer`` turns, y in ``[-height / 2, height / 2]``.

    Parameters are ``v = (t / 2 pi)**2``, in which the speed ``pi a sqrt(1 / v + 4 pi**2)`` is nearly constant and
    largest at the inner end, and y. The surface is flat (Ricci 0) and has a boundary.
    """

    kind: ClassVar[str] = "swiss-roll"

    pitch: Fraction
    inner: Fraction = Fraction(3, 4)
    outer: Fraction = Fraction(9, 4)
    height: Fraction = Fraction(1, 2)

    def __post_init__(self) -> None:
        if not (self.pitch > 0 and Fraction(1, 8) <= self.inner < self.outer and 0 < self.height <= 2):
            raise InvalidInput(
                f"A swiss roll needs a pitch a > 0, 1/8 <= inner < outer turns and a height in (0, 2], got "
                f"{self.pitch}, {self.inner}, {self.outer}, {self.height}."
            )
        if self._outermost > 1:
            raise InvalidInput(
                f"A swiss roll of pitch {self.pitch} and {self.outer} turns has radius {float(self._outermost):.3g}, "
                f"more than 1; take a pitch of at most {float(1 / (TWO_PI_UP * self.outer)):.3g}."
            )

    @property
    def _outermost(self) -> Fraction:
        return self.pitch * TWO_PI_UP * self.outer

    @property
    def ambient(self) -> int:
        return 3

    @property
    def axes(self) -> tuple[Axis, ...]:
        speed = self.pitch * TWO_PI_UP / 2 * Fraction(sqrt_up(1 / self.inner**2 + TWO_PI_UP**2))
        return (
            Axis(self.inner**2, self.outer**2, speed),
            Axis(-self.height / 2, self.height / 2, Fraction(1)),
        )

    @property
    def extent(self) -> Fraction:
        return Fraction(sqrt_up(self._outermost**2 + self.height**2 / 4))

    @property
    def width(self) -> Fraction:
        return max(self._outermost, self.height / 2)

    @property
    def facts(self) -> Facts:
        a, first, last = float(self.pitch), 2 * math.pi * float(self.inner), 2 * math.pi * float(self.outer)
        curvature_radius = a * (1 + first**2) ** 1.5 / (2 + first**2)
        sheets = math.pi * a if last - first > 2 * math.pi else math.inf
        area = float(self.height) * a * (_arc(last) - _arc(first))
        return Facts(min(curvature_radius, sheets), area, ricci_nonnegative=True, boundary=True, reach_is_bound=True)

    def coordinates(self, places: Places) -> Fixed:
        turns = roots(places.ticks[0])
        distance = product(turns_to_radians(turns), fixed(self.pitch))
        spiral = [places.spread(0, product(distance, circle(turns))) for circle in (cosines, sines)]
        return np.column_stack([spiral[0], places.spread(1, places.ticks[1]), spiral[1]])

    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        """Uniform by area: the arc length is inverted by interpolation on a fine table."""
        t = np.linspace(2 * math.pi * float(self.inner), 2 * math.pi * float(self.outer), 4097)
        arc = np.array([_arc(x) for x in t])
        angle = np.interp(rng.uniform(arc[0], arc[-1], count), arc, t)
        half = float(self.height) / 2
        return np.column_stack([(angle / (2 * math.pi)) ** 2, rng.uniform(-half, half, count)])


def _arc(t: float) -> float:
    """Arc length of the spiral ``t (cos t, sin t)`` from 0."""
    return (t * math.sqrt(1 + t * t) + math.asinh(t)) / 2
