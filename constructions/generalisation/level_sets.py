"""Infinite classes: where a function with Lipschitz constant 1 is large, and where it is small."""

import abc
import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import gamma


class LevelSet(abc.ABC):
    """A function g on the unit cube with ``|g(x) - g(y)| <= ||x - y||``: classes ``A = {g >= eps}, B = {g <= -eps}``.

    They are ``2 eps`` apart for every eps. Laws: g has that Lipschitz constant in ``norm``, and ``values`` is within
    ``error`` of g, also where the point meant is a rational one and its nearest floats were used.

    **Trusts:** what a subclass says of its own function.
    """

    norm: Norm

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """The number of coordinates d."""

    @abc.abstractmethod
    def values(self, points: Float64[np.ndarray, "N d"]) -> Float64[np.ndarray, " N"]:
        """g at each point, in float64."""

    @property
    @abc.abstractmethod
    def error(self) -> Fraction:
        """How far ``values`` may be from g on the unit cube."""


@dc.dataclass(frozen=True, eq=False)
class HalfSpace(LevelSet):
    """``g(x) = <weights, x> - threshold`` with ``||weights|| <= 1`` in the dual norm; ``|threshold| <= d``.

    Raises:
        InvalidInput: weights that are too large, or numbers that are not finite.
    """

    weights: Float64[np.ndarray, " d"]
    threshold: float
    norm: Norm

    def __post_init__(self) -> None:
        exact = [abs(Fraction(float(w))) for w in self.weights]
        power = {
            Norm.LINF: lambda: sum(exact, Fraction(0)),
            Norm.L2: lambda: sum((w * w for w in exact), Fraction(0)),
            Norm.L1: lambda: max(exact),
        }[self.norm]()
        if power > 1:
            raise InvalidInput(f"The weights have a norm above 1 (dual to {self.norm}): g would not be 1-Lipschitz.")
        if not abs(self.threshold) <= self.dimension:
            raise InvalidInput(f"The threshold is {self.threshold:g}, beyond anything that g takes on the unit cube.")

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return len(self.weights)

    def values(self, points: Float64[np.ndarray, "N d"]) -> Float64[np.ndarray, " N"]:
        """g at each point, in float64."""
        return points @ self.weights - self.threshold

    @property
    def error(self) -> Fraction:
        """How far ``values`` may be from g on the unit cube: a dot product of d + 1 terms, and moved coordinates."""
        return Fraction(gamma(self.dimension + 2)) * 2 * self.dimension + Fraction(self.dimension, 2**54)


@dc.dataclass(frozen=True, eq=False)
class Sphere(LevelSet):
    """``g(x) = radius - ||x - centre||``: A is a ball of radius ``radius - eps``, B what is ``eps`` outside."""

    centre: Float64[np.ndarray, " d"]
    radius: float
    norm: Norm

    def __post_init__(self) -> None:
        if not (0 <= self.radius <= self.dimension and (np.abs(self.centre) <= 1).all()):
            raise InvalidInput("A sphere's centre must lie in [-1, 1]^d and its radius in [0, d].")

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return len(self.centre)

    def values(self, points: Float64[np.ndarray, "N d"]) -> Float64[np.ndarray, " N"]:
        """g at each point, in float64."""
        return self.radius - np.linalg.norm(points - self.centre, ord=self.norm.value, axis=1)

    @property
    def error(self) -> Fraction:
        """How far ``values`` may be from g on the unit cube: a norm of at most 2 d, a difference, moved coordinates."""
        return Fraction(gamma(self.dimension + 5)) * 4 * self.dimension + Fraction(self.dimension + 1, 2**54)
