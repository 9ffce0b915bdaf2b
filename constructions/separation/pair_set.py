"""Which pairs of points count, and how they are cut into blocks."""

import dataclasses as dc
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64

Positions = Int64[np.ndarray, " _"]
"""Places in the order by label, not rows of the data."""


@dc.dataclass(frozen=True, slots=True)
class Tile:
    """All pairs of a position in ``rows`` and a position in ``columns``."""

    rows: Positions
    columns: Positions


@dc.dataclass(frozen=True, slots=True, eq=False)
class PairSet:
    """Pairs of a row of one set and a row of another whose labels are equal, or differ.

    Both sets are ordered by label, so that whole blocks hold no pair that counts.

    Attributes:
        first: Label of each row of the first set.
        second: Label of each row of the second set.
        equal: Whether pairs with equal labels count, or those with different labels.
        within: The two sets are one, and a pair of rows counts once.
        first_order: Rows of the first set by label.
        second_order: Rows of the second set by label.
    """

    first: Int64[np.ndarray, " n"]
    second: Int64[np.ndarray, " m"]
    equal: bool
    within: bool
    first_order: Positions = dc.field(init=False)
    second_order: Positions = dc.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "first_order", np.argsort(self.first, kind="stable"))
        object.__setattr__(self, "second_order", np.argsort(self.second, kind="stable"))

    def count(self) -> int:
        """How many pairs there are."""
        labels, mine = np.unique(self.first, return_counts=True)
        others = dict(zip(*(part.tolist() for part in np.unique(self.second, return_counts=True)), strict=True))
        alike = sum(k * others.get(label, 0) for label, k in zip(labels.tolist(), mine.tolist(), strict=True))
        ordered = alike if self.equal else len(self.first) * len(self.second) - alike
        return (ordered - self.equal * len(self.first)) // 2 if self.within else ordered

    def example(self) -> Tile | None:
        """One pair, as a block; None when there is none."""
        a, b = self.first[self.first_order], self.second[self.second_order]
        if self.equal and self.within:
            (place,) = np.nonzero(a[:-1] == a[1:])
            return Tile(place[:1], place[:1] + 1) if place.size else None
        if self.equal:
            shared = np.intersect1d(a, b)[:1]
            return Tile(np.searchsorted(a, shared), np.searchsorted(b, shared)) if shared.size else None
        ends = [(0, len(b) - 1), (len(a) - 1, 0)]
        return next((Tile(np.array([i]), np.array([j])) for i, j in ends if a[i] != b[j]), None)

    def sparse(self, size: int) -> Tile:
        """A block of at most ``size`` by ``size`` positions spread over all labels."""
        n, m = len(self.first), len(self.second)
        return Tile(np.arange(0, n, -(-n // size)), np.arange(0, m, -(-m // size)))

    def draw(self, size: int, seed: int) -> tuple[Positions, Positions]:
        """At most ``size`` random pairs of positions; few or none where pairs that count are rare."""
        generator = np.random.default_rng(seed)
        rows = generator.integers(len(self.first), size=4 * size)
        columns = generator.integers(len(self.second), size=4 * size)
        counted = np.flatnonzero(self.counts(rows, columns))[:size]
        return rows[counted], columns[counted]

    def rows(self, size: int) -> Iterator[list[Tile]]:
        """All blocks of ``size`` by ``size`` that hold a pair, one list for each range of rows."""
        starts = range(0, len(self.first), size)
        for start in starts:
            rows = np.arange(start, min(start + size, len(self.first)))
            others = range(start if self.within else 0, len(self.second), size)
            tiles = [Tile(rows, np.arange(k, min(k + size, len(self.second)))) for k in others]
            yield [tile for tile in tiles if self._holds_any(tile)]

    def _holds_any(self, tile: Tile) -> bool:
        low, high = self.first[self.first_order[tile.rows[[0, -1]]]]
        start, end = self.second[self.second_order[tile.columns[[0, -1]]]]
        return bool(start <= high and low <= end) if self.equal else not low == high == start == end

    def counts(self, rows: Positions, columns: Positions) -> Bool[np.ndarray, " k"]:
        """Which of these pairs of positions count."""
        alike = self.first[self.first_order[rows]] == self.second[self.second_order[columns]]
        wanted = alike if self.equal else ~alike
        return wanted & (rows < columns) if self.within else wanted

    def indices(self, rows: Positions, columns: Positions) -> tuple[Positions, Positions]:
        """The rows of the data at these positions, the smaller index first when the two sets are one."""
        i, j = self.first_order[rows], self.second_order[columns]
        return (np.minimum(i, j), np.maximum(i, j)) if self.within else (i, j)
