"""The search for the closest pair: products discard, differences decide, integers break ties."""

import dataclasses as dc
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float

from certify.device import find_device
from certify.errors import InvalidInput
from certify.region import Norm
from constructions.separation.chebyshev import Chebyshev
from constructions.separation.closest import ClosestPair, Effort
from constructions.separation.euclidean import Euclidean
from constructions.separation.metric import Metric, Points, Rows
from constructions.separation.pair_set import PairSet, Tile
from constructions.separation.sieve import AbstractSieve

_BATCH = 2**14  # pairs whose differences are formed at once
_STRIP = 2**20  # entries of a product looked at once
_WARM = 512
_LARGEST, _SMALLEST = 2048, 16


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """What a search may use.

    Attributes:
        budget_bytes: Working memory, beyond the points themselves, that blocks are cut to.
        device: Where matrix products run: ``cpu``, or a torch device such as ``cuda``.
        progress: Called with the blocks done so far and all of them.
    """

    budget_bytes: int = 2**30
    device: str = "cpu"
    progress: Callable[[int, int], None] | None = None

    @classmethod
    def fastest(cls) -> "Plan":
        """Matrix products on the GPU when there is one; the answer is the same on every device."""
        return cls(device=str(find_device("auto")))

    def block(self, width: int) -> int:
        """How many points of ``width`` coordinates make a block.

        Raises:
            InvalidInput: the budget does not hold the smallest block.
        """
        size = _LARGEST
        while size > _SMALLEST and _bytes(size, width) > self.budget_bytes:
            size //= 2
        if _bytes(size, width) > self.budget_bytes:
            raise InvalidInput(
                f"A block of {size} points with {width} coordinates needs {_bytes(size, width)} bytes of working "
                f"memory; the budget is {self.budget_bytes}. Raise budget_bytes."
            )
        return size


class Search:
    """The nearest pair seen so far, and how pairs were decided."""

    def __init__(self, pairs: PairSet, metric: Metric, limit: Fraction | None) -> None:
        self.pairs, self.metric = pairs, metric
        self.nearest: ClosestPair | None = None
        self.reach = limit
        self.directly = 0
        self.exactly = 0

    @property
    def effort(self) -> Effort:
        """How the pairs were decided, once all of them are."""
        total = self.pairs.count()
        return Effort(total, total - self.directly, self.directly, self.exactly)

    def look(self, rows: Rows, columns: Rows) -> None:
        """Decides pairs of positions (those of them that count) by their differences."""
        counted = np.flatnonzero(self.pairs.counts(rows, columns))
        i, j = self.pairs.indices(rows[counted], columns[counted])
        self.directly += len(i)
        for start in range(0, len(i), _BATCH):
            self._decide(i[start : start + _BATCH], j[start : start + _BATCH])

    def _decide(self, i: Rows, j: Rows) -> None:
        i, j, keys = self.metric.near(i, j, math.inf if self.reach is None else self.metric.cut(self.reach))
        if not len(i):
            return
        order = np.lexsort((j, i))
        i, j, keys = i[order], j[order], keys[order]
        if self.metric.exact_floats:  # then all keys that are left are equal
            i, j, exact = i[:1], j[:1], [Fraction(float(keys[0])) / self.metric.key_scale]
        else:
            exact = self.metric.exact(i, j)
            self.exactly += len(i)
        best = exact.index(min(exact))
        self._offer(ClosestPair(int(i[best]), int(j[best]), self.metric.norm, exact[best]))

    def _offer(self, pair: ClosestPair) -> None:
        held = self.nearest
        if held is None:
            better = self.reach is None or pair.exact <= self.reach
        else:
            better = (pair.exact, pair.first, pair.second) < (held.exact, held.first, held.second)
        if better:
            self.nearest, self.reach = pair, pair.exact


def closest(pairs: PairSet, metric: Metric, plan: Plan, *, limit: Fraction | None = None) -> Search:
    """The finished search for the nearest of ``pairs``: of all, or of those whose exact key is at most ``limit``."""
    size = plan.block(metric.first.shape[1])
    search = Search(pairs, metric, limit)
    example = pairs.example()
    if example is None:
        return search
    search.look(example.rows, example.columns)
    assert search.reach is not None
    sieve: AbstractSieve = (
        Chebyshev.of(metric, pairs) if metric.norm is Norm.LINF else Euclidean.of(metric, single=plan.device == "cpu")
    )
    _sift(search, [pairs.sparse(min(size, _WARM))], sieve.within(search.reach), plan.device)
    search.directly = search.exactly = 0  # what came so far only found a start
    blocks = list(pairs.rows(size))
    done, total = 0, sum(map(len, blocks))
    tight, reach = sieve, None
    for tiles in blocks:
        if search.reach != reach:
            tight, reach = sieve.within(search.reach), search.reach
        if tiles:
            _sift(search, tiles, tight, plan.device)
        done += len(tiles)
        if plan.progress is not None:
            plan.progress(done, total)
    return search


def _sift(search: Search, tiles: list[Tile], sieve: AbstractSieve, device: str) -> None:
    """Decides all pairs of blocks that share their rows."""
    rows, metric = tiles[0].rows, search.metric
    left = _factor(sieve.left, metric.first, search.pairs.first_order[rows])
    step = max(1, _STRIP // len(tiles[0].columns))
    for tile in tiles:
        right = _factor(sieve.right, metric.second, search.pairs.second_order[tile.columns])
        product = _product(left, right, device)
        for start in range(0, len(rows), step):
            near = np.flatnonzero(~(product[start : start + step] <= 0))  # NaN discards nothing
            search.look(rows[start + near // len(tile.columns)], tile.columns[near % len(tile.columns)])


def _factor(
    rows_of: Callable[[Points], Float[np.ndarray, "b c"]], points: Points, rows: Rows
) -> Float[np.ndarray, "b c"]:
    """A factor made in pieces, so that no float64 copy of a whole block is held."""
    return np.concatenate([rows_of(points[piece]) for piece in np.array_split(rows, -(-len(rows) // 512))])


def _product(left: Float[np.ndarray, "b c"], right: Float[np.ndarray, "e c"], device: str) -> Float[np.ndarray, "b e"]:
    """``left right^T``. On the CPU by numpy, whose products keep the precision of their factors whatever torch is told.

    On another device the factors are float64 or 0/1 matrices, for neither of which reduced formats matter.
    """
    if device == "cpu":
        return left @ right.T
    return (torch.from_numpy(left).to(device) @ torch.from_numpy(right).to(device).T).cpu().numpy()


def _bytes(size: int, width: int) -> int:
    """The working memory of a block: its product, both factors, and what is held while pairs are looked at."""
    return size * size * 9 + 2 * size * (width + 2) * 12 + 512 * width * 40 + 2**27
