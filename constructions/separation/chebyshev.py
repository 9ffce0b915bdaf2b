"""A matrix product that tells pairs too far apart in linf: counts of coordinates that straddle a level."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from constructions.separation.metric import Metric, Points
from constructions.separation.pair_set import PairSet
from constructions.separation.sieve import AbstractSieve

_SAMPLE = 2048  # pairs that the levels are chosen on
_MOST = 2  # levels in all, for each coordinate
_WORTH = 512  # a round of levels must tell one in so many of the sampled pairs, or costs more than it saves
_SEED = 0x5E9A


@dc.dataclass(frozen=True, slots=True, eq=False)
class Chebyshev(AbstractSieve):
    """Matrices whose product is positive for every pair that can be as near as a reach t.

    For a level s of coordinate j, ``x_j >= s`` and ``x'_j < s - t`` imply ``|x - x'| > t``. The indicators of both, for
    many levels, make 0/1 matrices whose product counts the levels that tell a pair too far; the product here is 1/2
    less that count, in both directions, for scaled points. All its terms but one are 0 or -1: its sign is right in
    any precision.

    Which levels are chosen decides how many pairs are told, never what is true of them.

    Attributes:
        metric: The points.
        gaps: Pairs to choose levels on, as the smaller and the larger of the two values of every coordinate.
        coordinates: The coordinate of each level.
        upper: The levels s.
        lower: For each a float strictly below ``s - t``.
    """

    metric: Metric
    gaps: tuple[Points, Points]
    coordinates: Int64[np.ndarray, " c"]
    upper: Float64[np.ndarray, " c"]
    lower: Float64[np.ndarray, " c"]

    @classmethod
    def of(cls, metric: Metric, pairs: PairSet) -> "Chebyshev":
        """For the pairs of ``metric``, without levels until ``within`` names a distance."""
        i, j = pairs.indices(*pairs.draw(_SAMPLE, _SEED))
        x, y = metric.first[i] * metric.scale, metric.second[j] * metric.scale
        none = np.empty(0)
        return cls(metric, (np.minimum(x, y), np.maximum(x, y)), none.astype(np.int64), none, none)

    def within(self, exact: Fraction) -> "Chebyshev":
        """For pairs at distance at most ``exact``: levels are added where they tell most of the pairs left untold."""
        reach, (low, high) = min(self.metric.cut(exact), 4.0), self.gaps  # scaled entries differ by at most 2
        width, worth = low.shape[1], max(1, len(low) // _WORTH)
        size = max(32, width // 16)  # levels chosen at once
        chosen: list[tuple[Int64[np.ndarray, " c"], Points]] = []
        while len(low) > worth and len(chosen) * size < _MOST * width + size:
            levels, told = _levels(low, high, reach)
            best = np.argsort(-told, kind="stable")[:size]
            left = ~_straddled(low[:, best], high[:, best], levels[best], reach).any(axis=1)
            if len(low) - left.sum() < worth:
                break
            chosen.append((best, levels[best]))
            low, high = low[left], high[left]
        coordinates = np.concatenate([part for part, _ in chosen] or [self.coordinates[:0]])
        upper = np.concatenate([part for _, part in chosen] or [self.upper[:0]])
        return dc.replace(self, coordinates=coordinates, upper=upper, lower=_strictly_below(upper, reach))

    def left(self, points: Points) -> Float32[np.ndarray, "b c"]:
        """The rows of the left factor."""
        high, low = self._indicators(points)
        return np.concatenate([high, low, np.full((len(points), 1), 0.5)], axis=1, dtype=np.float32)

    def right(self, points: Points) -> Float32[np.ndarray, "b c"]:
        """The rows of the right factor."""
        high, low = self._indicators(points)
        factor = np.concatenate([low, high, np.full((len(points), 1), -1.0)], axis=1, dtype=np.float32)
        return np.negative(factor, out=factor)

    def _indicators(self, points: Points) -> tuple[Bool[np.ndarray, "b c"], Bool[np.ndarray, "b c"]]:
        values = points[:, self.coordinates] * self.metric.scale
        return values >= self.upper, values <= self.lower


def _strictly_below(levels: Float64[np.ndarray, " c"], reach: float) -> Float64[np.ndarray, " c"]:
    """Two floats before the rounded ``levels - reach``: strictly below the exact difference, however that rounded.

    One for that rounding, one for what scaling may take from entries (``Metric.lossy``).
    """
    return np.nextafter(np.nextafter(levels - reach, -np.inf), -np.inf)


def _straddled(low: Points, high: Points, levels: Float64[np.ndarray, " c"], reach: float) -> Bool[np.ndarray, "k c"]:
    return (high >= levels) & (low <= _strictly_below(levels, reach))


def _levels(low: Points, high: Points, reach: float) -> tuple[Float64[np.ndarray, " d"], Int64[np.ndarray, " d"]]:
    """For each coordinate the level that tells most of the pairs (k, d), and about how many it tells.

    A pair is told by the levels in ``(low + reach, high]``: the level sought is the end of an interval that lies in
    most of the others.
    """
    told = high - low > reach
    ends = np.where(told, high, np.inf)
    starts = np.where(told, low + reach, np.inf)
    events = np.concatenate([ends, starts])
    order = np.argsort(events, axis=0, kind="stable")
    depth = np.cumsum(np.where(order < len(ends), -1, 1), axis=0)
    depth[np.isinf(np.take_along_axis(events, order, axis=0))] = 0
    place = depth.argmax(axis=0)
    following = np.take_along_axis(order, np.minimum(place + 1, len(events) - 1)[None], axis=0)
    level = np.take_along_axis(events, following, axis=0)[0]
    count = np.where(np.isfinite(level), depth.max(axis=0), 0)  # infinite where the coordinate tells no pair
    return level, count
