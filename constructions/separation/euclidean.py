"""A matrix product that tells pairs too far apart in l2, or in l1."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Float64, Shaped

from certify.region import Norm
from certify.rounding import UNIT, gamma
from constructions.separation.metric import Metric, Points
from constructions.separation.sieve import AbstractSieve

_SINGLE = 2.0**-24
_FLUSHED = 2.0**-100  # all underflow in single precision together, subnormals flushed or not
_TRUSTED = 0.01  # largest gamma for which the bound below holds with room


@dc.dataclass(frozen=True, slots=True, eq=False)
class Euclidean(AbstractSieve):
    """Matrices whose product is positive for every pair that can be as near as ``radius``.

    With ``y = weights * (scale x - centre)`` a pair is too far when ``|y - y'| > radius``. For l2 all weights are 1.
    For l1 the weight of a coordinate is the root of its inverse range, so that ``|y - y'|**2 <= scale |x - x'|_1``.

    Let z be y as stored, ``|z - y| <= eta |z|`` with eta about the unit roundoff, and A = |z|. Then ``|y - y'| >=
    |z - z'| - eta (A + A')``, so that ``<z, z'> < g(A) + g(A')`` suffices, where ``g(A) = (A^2 (1 - 2 eta^2) -
    2 radius eta A - radius^2 / 2) / 2``. The product of the rows ``(z, G, 1)`` and ``(z', -1, -G')`` is off by at most
    ``gamma(d + 2) (A A' + |G| + |G'|)``, which G, a little below g, makes room for.
    """

    metric: Metric
    centre: Float64[np.ndarray, " d"]
    weights: Float64[np.ndarray, " d"]
    radius: float
    single: bool

    @classmethod
    def of(cls, metric: Metric, *, single: bool) -> "Euclidean":
        """For the pairs of ``metric`` at any distance, until ``within`` names one; ``single``: also in float32."""
        low = np.minimum(metric.first.min(axis=0), metric.second.min(axis=0)) * metric.scale
        high = np.maximum(metric.first.max(axis=0), metric.second.max(axis=0)) * metric.scale
        weights = np.ones_like(low)
        if metric.norm is Norm.L1:
            reach = (high - low) * (1 + 4 * UNIT)
            weights = np.where(reach > 0, (1 - 8 * UNIT) / np.sqrt(np.where(reach > 0, reach, 1.0)), 0.0)
        return cls(metric, low / 2 + high / 2, weights, _diameter(metric), single)

    def within(self, exact: Fraction) -> "Euclidean":
        """For pairs whose exact key is at most ``exact``, in float32 where allowed and its rounding is small beside."""
        radius = min(math.sqrt(self.metric.cut(exact)) * (1 + 4 * UNIT), _diameter(self.metric))
        sample = self._images(self.metric.first[:: -(-len(self.metric.first) // 512)])
        width = sample.shape[1]
        error = gamma(width + 2, _SINGLE) if self.single and width < 1e5 else math.inf
        fine = error <= _TRUSTED and error * float((sample * sample).sum(axis=1).max()) <= radius**2 / 4
        return dc.replace(self, radius=radius, single=fine)

    def left(self, points: Points) -> Float[np.ndarray, "b c"]:
        """The rows of the left factor."""
        z, room = self._forms(points)
        return np.concatenate([z, room, np.ones_like(room)], axis=1)

    def right(self, points: Points) -> Float[np.ndarray, "b c"]:
        """The rows of the right factor."""
        z, room = self._forms(points)
        return np.concatenate([z, -np.ones_like(room), -room], axis=1)

    def _images(self, points: Points) -> Float64[np.ndarray, "b d"]:
        images = points * self.metric.scale
        images -= self.centre
        images *= self.weights
        return images

    def _forms(self, points: Points) -> tuple[Shaped[np.ndarray, "b d"], Shaped[np.ndarray, "b 1"]]:
        dtype, unit = (np.float32, _SINGLE) if self.single else (np.float64, UNIT)
        z = self._images(points).astype(dtype, copy=False)
        width = z.shape[1]
        sloppy = 2 * gamma(width + 32)  # of the float64 arithmetic in this function
        eta = 1.001 * unit if self.single else 4 * unit
        square = np.einsum("bd,bd->b", z, z, dtype=np.float64)
        loss = 2 * (self.radius + _FLUSHED) * eta * np.sqrt(square) + (self.radius + _FLUSHED) ** 2 / 2
        room = (square * (1 - 2 * eta**2 - sloppy) - loss * (1 + sloppy)) / 2
        room -= 1.05 * gamma(width + 2, unit) * (square / 2 + np.abs(room)) + _FLUSHED
        return z, np.nextafter(room.astype(dtype), dtype(-np.inf))[:, None]


def _diameter(metric: Metric) -> float:
    """More than any distance between images: scaled entries differ by at most 2."""
    return 4 * math.sqrt(metric.first.shape[1])
