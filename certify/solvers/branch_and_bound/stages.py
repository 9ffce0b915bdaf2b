"""A search over phases in stages: a few nodes first; then sharper hidden bounds, then more nodes; and so on."""

import dataclasses as dc

import numpy as np

from certify.deadline import Deadline
from certify.exact import ExactNetwork
from certify.outcome import Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.effort import Effort, Stage
from certify.solvers.branch_and_bound.forest import Forest
from certify.solvers.branch_and_bound.roots import Planter, Roots
from certify.solvers.branch_and_bound.search import Search
from certify.solvers.branch_and_bound.sharpening import sharpen

Trees = dict[int, tuple[Forest, int]]
"""For each margin row of a question the forest, and the number of the tree in it, that bounded it last."""

_PLANTING, _SHARPENING, _SEARCHING = 0.5, 0.3, 0.3
"""The shares of the time left that the first relaxation, the hidden bounds of a stage, and its nodes may take."""


class Stages:
    """The state of one search: what is known of each question, and the trees that showed it.

    ``witness[i]`` refutes question i, ``proved[i]`` says that all its margins are positive; ``stuck[i]`` counts leaves
    that floating point could neither prove nor refute, ``spent[i]`` nodes. ``grown`` are trees to begin with, and then
    those of this search.
    """

    def __init__(
        self, queries: Queries, planter: Planter, *, exact: ExactNetwork, effort: Effort, grown: list[Trees]
    ) -> None:
        self.witness: list[Witness | None] = [None] * len(queries)
        self.proved = np.zeros(len(queries), dtype=bool)
        self.stuck, self.spent = (np.zeros(len(queries), dtype=np.int64) for _ in range(2))
        self._queries, self._planter, self._exact, self._effort = queries, planter, exact, effort
        self._grown = grown

    def run(self, deadline: Deadline) -> None:
        """Works until every question is decided or stuck, or a limit comes first."""
        index = np.arange(len(self.proved))
        roots, proved = self._planter.plant(self._queries, deadline.part(_PLANTING))
        last = Stage(0, self._effort.nodes)
        for stage in (*self._effort.stages, last):
            if stage.leaves:
                index, roots, proved = self._sharpened(index, roots, stage.leaves, deadline.part(_SHARPENING))
            share = deadline if stage is last else deadline.part(_SEARCHING)
            self._search(index, (roots, proved), stage.nodes, share)
            open_ = self._open(index)
            if not open_.any() or deadline.passed:
                return
            index, roots, proved = index[open_], roots.about(np.flatnonzero(open_)), proved[open_]

    def _open(self, index: np.ndarray) -> np.ndarray:
        """Which of some questions more work may decide."""
        known = np.array([self.witness[i] is not None for i in index]) | self.proved[index]
        return ~known & (self.stuck[index] == 0) & (self.spent[index] < self._effort.nodes)

    def _sharpened(
        self, index: np.ndarray, roots: Roots, leaves: int, deadline: Deadline
    ) -> tuple[np.ndarray, Roots, np.ndarray]:
        """The questions, their roots and which margins these prove, after every hidden value in turn was sharpened."""
        values = roots.units.values[1:]
        proved = np.zeros((len(index), 0), dtype=bool)
        for k, value in enumerate(values):
            share = deadline.part(1 / (len(values) - k))
            known = sharpen(
                roots.enclosure,
                value,
                self._planter.search.tensors,
                leaves=leaves,
                effort=self._effort,
                deadline=share,
            )
            roots, proved = self._planter.plant(self._queries.take(index), deadline, begin=known)
        return index, roots, proved

    def _search(self, index: np.ndarray, begun: tuple[Roots, np.ndarray], nodes: int, deadline: Deadline) -> None:
        """A search of up to ``nodes`` more nodes a question than its trees already have leaves."""
        roots, proved = begun
        question, row = np.nonzero(~proved)
        sources = [self._grown[index[q]].get(j) for q, j in zip(question.tolist(), row.tolist(), strict=True)]
        forest = Forest.regrown(sources)
        begun_with = np.bincount(question[forest.tree[forest.leaves()]], minlength=len(index)).max(initial=0)
        limit = min(nodes + int(begun_with), self._effort.nodes)
        search = Search(
            self._queries.take(index),
            roots,
            forest=forest,
            network=self._planter.search.tensors,
            exact=self._exact,
            effort=dc.replace(self._effort, nodes=limit),
        )
        search.run(deadline)
        for i in index:
            self._grown[i].clear()
        for t, (q, j) in enumerate(zip(question.tolist(), row.tolist(), strict=True)):
            self._grown[index[q]][j] = (search.forest, t)
        self.proved[index] = search.proved()
        self.stuck[index], self.spent[index] = search.stuck, self.spent[index] + search.spent
        for i, witness in zip(index, search.witness, strict=True):
            self.witness[i] = witness
