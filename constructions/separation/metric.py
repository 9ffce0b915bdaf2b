"""Distances of listed pairs: bracketed in float64, and exact in integers."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.exact import Dyadic
from certify.region import Norm
from certify.rounding import TINY, float_up, gamma

Points = Float64[np.ndarray, "_ _"]
Rows = Int64[np.ndarray, " _"]
Keys = Float64[np.ndarray, " _"]

_LEAD = 32  # coordinates that are looked at first
_PIECE = 2**19  # numbers handled at once
_EXACT_PIECE = 2**17


@dc.dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """Distances between the rows of two sets of points.

    A *key* orders pairs by distance: the distance itself, for l2 its square. Float keys are those of the points times
    ``scale``, a power of two that brings the largest entry near 1, so that no square overflows.

    Attributes:
        first: Rows are points.
        second: Rows are points; the same array when pairs are taken within one set.
        norm: The norm that measures distances.
        scale: The power of two.
        exact_floats: Float keys carry no rounding error at all, because all entries are multiples of one power of two.
        lossy: Scaling rounds some entries, subnormal afterwards, by at most half of ``TINY``.
        lead: The coordinates that vary most.
        first_lead: Those of the first set, scaled.
        second_lead: Those of the second set, scaled.
    """

    first: Points
    second: Points
    norm: Norm
    scale: float
    exact_floats: bool
    lossy: bool
    lead: Int64[np.ndarray, " c"]
    first_lead: Points
    second_lead: Points

    @classmethod
    def of(cls, first: Points, second: Points, norm: Norm) -> "Metric":
        """The metric between two sets of finite points.

        Raises:
            InvalidInput: the entries span more of float64's range than one power of two can bring near 1.
        """
        sets = [first] if second is first else [first, second]
        scale = _scale(sets)
        bits = _exact_bits(norm, first.shape[1])
        exact = bits > 0 and all(_are_multiples(points, scale, bits) for points in sets)
        lossy = scale < 1 and any(_lost(points, scale) is not None for points in sets)
        sample = np.concatenate([points[:: -(-len(points) // 2048)] for points in sets]) * scale
        lead = np.sort(np.argsort(-sample.var(axis=0), kind="stable")[:_LEAD])
        leads = [points[:, lead] * scale for points in sets]
        return cls(first, second, norm, scale, exact and not lossy, lossy, lead, leads[0], leads[-1])

    @property
    def key_scale(self) -> Fraction:
        """A float key divided by the exact key that it stands for."""
        return Fraction(self.scale) ** (2 if self.norm is Norm.L2 else 1)

    def cut(self, exact: Fraction) -> float:
        """A float key such that no pair above it is as near as the exact key."""
        return float_up(exact * self.key_scale)

    def near(self, i: Rows, j: Rows, cut: float) -> tuple[Rows, Rows, Keys]:
        """The pairs that can be nearest, with their float keys; all others are farther than one of them or ``cut``.

        The bound: a key of d terms is right up to the factor ``1 +- gamma(d + 2)`` and d underflows. A largest
        difference rounds monotonically, so for linf the float keys need no margin to be compared.
        """
        kept = np.flatnonzero(self._below(self._keys(self.first_lead[i], self.second_lead[j])) <= cut)
        keys = np.empty(len(kept))
        step = max(1, _PIECE // self.first.shape[1])
        for start in range(0, len(kept), step):
            piece = kept[start : start + step]
            x, y = self.first[i[piece]] * self.scale, self.second[j[piece]] * self.scale
            keys[start : start + step] = self._keys(x, y)
        inside = self._below(keys) <= min(cut, self._above(keys).min(initial=math.inf))
        return i[kept[inside]], j[kept[inside]], keys[inside]

    def exact(self, i: Rows, j: Rows) -> list[Fraction]:
        """The exact keys of the pairs, in Python integers."""
        step = max(1, _EXACT_PIECE // self.first.shape[1])
        keys: list[Fraction] = []
        for start in range(0, len(i), step):
            piece = slice(start, start + step)
            both = Dyadic.of(np.stack([self.first[i[piece]], self.second[j[piece]]]))
            gaps = np.abs(both.integers[0] - both.integers[1])
            if self.norm is Norm.LINF:
                sums, shift = gaps.max(axis=1), both.shift
            elif self.norm is Norm.L1:
                sums, shift = gaps.sum(axis=1), both.shift
            else:
                sums, shift = (gaps * gaps).sum(axis=1), 2 * both.shift
            keys += [Fraction(int(total)) / Fraction(2) ** shift for total in sums]
        return keys

    def _keys(self, x: Points, y: Points) -> Keys:
        gaps = np.abs(x - y)
        match self.norm:
            case Norm.LINF:
                return gaps.max(axis=1)
            case Norm.L1:
                return gaps.sum(axis=1)
            case Norm.L2:
                return np.einsum("kd,kd->k", gaps, gaps)

    def _error(self) -> tuple[float, float]:
        """The relative and the absolute error of a float key."""
        if self.exact_floats or self.norm is Norm.LINF:
            return 0.0, 4 * TINY * self.lossy
        width = self.first.shape[1]
        return gamma(2 * (width + 8)), 8 * width * TINY  # scaled entries differ by at most 2

    def _below(self, keys: Keys) -> Keys:
        relative, absolute = self._error()
        return keys * (1 - relative) - absolute

    def _above(self, keys: Keys) -> Keys:
        relative, absolute = self._error()
        return keys * (1 + relative) + absolute


def _scale(sets: list[Points]) -> float:
    largest = max(max(float(points.max()), -float(points.min())) for points in sets)
    power = max(-1024, min(1020, -math.frexp(largest)[1])) if largest else 0
    scale = 2.0**power
    if power < -500:  # else what the smallest entries lose is far below the rest
        for points in sets:
            if (found := _lost(points, scale)) is not None:
                i, k = found
                raise InvalidInput(
                    f"Point {i} has {points[i, k]} at coordinate {k}, and the largest entry is {largest}: "
                    "one data set must fit into the range of float64 after scaling. Rescale or drop that coordinate."
                )
    return scale


def _lost(points: Points, scale: float) -> tuple[int, int] | None:
    """The first entry that scaling rounds, if there is one."""
    step = max(1, _PIECE // points.shape[1])
    for start in range(0, len(points), step):
        block = points[start : start + step]
        lost = np.argwhere(block * scale / scale != block)
        if lost.size:
            return start + int(lost[0, 0]), int(lost[0, 1])
    return None


def _exact_bits(norm: Norm, width: int) -> int:
    """So many fractional bits of entries in [-1, 1] leave every partial sum of a key below 2**53; 0 if none do."""
    match norm:
        case Norm.LINF:
            return 51
        case Norm.L1:
            return max(0, 52 - width.bit_length())
        case Norm.L2:
            return max(0, (51 - width.bit_length()) // 2)


def _are_multiples(points: Points, scale: float, bits: int) -> bool:
    """Whether every scaled entry is a multiple of ``2**-bits``."""
    step = max(1, _PIECE // points.shape[1])
    blocks = (points[k : k + step] * scale * 2.0**bits for k in range(0, len(points), step))
    return all(bool((block == np.rint(block)).all()) for block in blocks)
