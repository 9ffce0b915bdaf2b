"""The trees of a search, recorded so that completeness can be read off them.

A tree proves its margin when every inner node has both signs of one unit as its children and every leaf was proved on
the region that its path describes. The search has no other way to close anything.
"""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int8, Int64

_FIRST = 1024


class Forest:
    """N nodes; node 0..T-1 are the roots of T trees, children come after their parents and next to each other.

    Arrays (N,): ``tree``, ``parent`` (-1: a root), ``unit`` and ``phase`` by which a node differs from its parent,
    ``child`` (the first of its two children, -1: a leaf), ``proved``.
    """

    def __init__(self, trees: int) -> None:
        self.size = trees
        room = max(_FIRST, trees)
        self.tree = np.full(room, -1)
        self.tree[:trees] = np.arange(trees)
        self.parent, self.unit, self.child = (np.full(room, -1) for _ in range(3))
        self.phase = np.zeros(room, dtype=np.int8)
        self.proved = np.zeros(room, dtype=bool)

    def split(self, nodes: Int64[np.ndarray, " k"], units: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " k 2"]:
        """The children (k, 2) of ``nodes`` at ``units``: the phase +1 first, then -1."""
        assert (self.child[nodes] < 0).all(), "a node is split once"
        children = self.size + np.arange(2 * len(nodes)).reshape(-1, 2)
        self._grow(self.size + 2 * len(nodes))
        self.child[nodes] = children[:, 0]
        self.tree[children] = self.tree[nodes, None]
        self.parent[children], self.unit[children] = nodes[:, None], units[:, None]
        self.phase[children] = np.array([1, -1], dtype=np.int8)
        return children

    def phases(self, nodes: Int64[np.ndarray, " k"], count: int) -> Int8[np.ndarray, "k u"]:
        """The phases of all ``count`` units that the paths of ``nodes`` fix; 0 is free."""
        found = np.zeros((len(nodes), count), dtype=np.int8)
        rows, at = np.arange(len(nodes)), np.asarray(nodes)
        while len(rows):
            inner = self.parent[at] >= 0
            rows, at = rows[inner], at[inner]
            found[rows, self.unit[at]] = self.phase[at]
            at = self.parent[at]
        return found

    def complete(self) -> Bool[np.ndarray, " t"]:
        """For each tree whether its leaves are all proved and cover the root: both signs of a unit at every split."""
        return self._sound(self.proved[: self.size])

    def covering(self) -> Bool[np.ndarray, " t"]:
        """For each tree whether its leaves cover the root, proved or not."""
        return self._sound(np.ones(self.size, dtype=bool))

    def _sound(self, leaf: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " t"]:
        """For each tree whether every split covers its node and every leaf is good."""
        nodes, tree = np.arange(self.size), self.tree[: self.size]
        first = self.child[: self.size]
        inner = first >= 0
        good = inner | leaf
        good[inner] = self._covered(nodes[inner], first[inner])
        roots = np.flatnonzero(self.parent[: self.size] < 0)
        failed = np.bincount(tree[~good], minlength=len(roots)) > 0
        return ~failed & (np.bincount(tree[roots], minlength=len(roots)) == 1)

    def leaves(self) -> Int64[np.ndarray, " l"]:
        """The nodes without children."""
        return np.flatnonzero(self.child[: self.size] < 0)

    @classmethod
    def regrown(cls, sources: "Sequence[Grown | None]", names: Int64[np.ndarray, " u"]) -> "Forest":
        """A forest whose tree t has the splits of one tree of another forest, and nothing proved; None: a bare root.

        ``names`` (U,) are the names of the units here. A split at a unit that is not among them, for it is off, is
        left out together with the branch where it is on.
        """
        found = cls(len(sources))
        for t, source in enumerate(sources):
            if source is None:
                continue
            here = source.renumbering(names)
            old, new = np.array([source.tree]), np.array([t])  # roots are numbered as their trees
            while len(old):
                inner = source.forest.child[old] >= 0
                first, new = source.forest.child[old[inner]], new[inner]
                unit = here[source.forest.unit[first]]
                known = unit >= 0
                children = found.split(new[known], unit[known]).ravel()
                both = np.stack([first[known], first[known] + 1], axis=1).ravel()
                old, new = np.append(both, first[~known] + 1), np.append(children, new[~known])
        return found

    def _covered(self, nodes: np.ndarray, first: np.ndarray) -> np.ndarray:
        pairs = np.stack([first, first + 1])
        there = (first > nodes) & (pairs[1] < self.size)
        pairs = np.where(there, pairs, 0)
        same = (self.parent[pairs] == nodes) & (self.tree[pairs] == self.tree[nodes])
        signs = (self.phase[pairs[0]] == 1) & (self.phase[pairs[1]] == -1)
        unit = self.unit[pairs[0]]
        return there & same.all(0) & signs & (unit == self.unit[pairs[1]]) & (unit >= 0)

    def _grow(self, size: int) -> None:
        room = len(self.tree)
        if size > room:
            more = max(size, 2 * room) - room
            self.tree, self.parent, self.unit, self.child = (
                np.append(a, np.full(more, -1)) for a in (self.tree, self.parent, self.unit, self.child)
            )
            self.phase = np.append(self.phase, np.zeros(more, dtype=np.int8))
            self.proved = np.append(self.proved, np.zeros(more, dtype=bool))
        self.size = size


@dc.dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """A tree to begin with: ``forest`` and the number of the ``tree`` in it; ``names`` (U,) of the units it splits."""

    forest: Forest
    tree: int
    names: Int64[np.ndarray, " u"]

    def renumbering(self, names: Int64[np.ndarray, " v"]) -> Int64[np.ndarray, " u"]:
        """For each unit the place of its name among ``names``, which rise; -1 where it is not there."""
        if not len(names):
            return np.full(len(self.names), -1)
        place = np.searchsorted(names, self.names).clip(max=len(names) - 1)
        return np.where(names[place] == self.names, place, -1)
