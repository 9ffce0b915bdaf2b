"""A search over phases in stages: a few nodes first; then sharper hidden bounds, then more nodes; and so on."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Int64

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.crown import CrownBounder
from certify.deadline import Deadline
from certify.exact import ExactNetwork
from certify.network import Network
from certify.outcome import Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.effort import Effort, Stage
from certify.solvers.branch_and_bound.forest import Forest, Grown
from certify.solvers.branch_and_bound.restriction import Restriction
from certify.solvers.branch_and_bound.roots import Planter, Roots
from certify.solvers.branch_and_bound.search import Search
from certify.solvers.branch_and_bound.sharpening import sharpen
from certify.solvers.branch_and_bound.units import Units

Trees = dict[int, Grown]
"""For each margin row of a question the tree that bounded it last."""

_PLANTING, _SHARPENING, _SEARCHING = 0.5, 0.3, 0.3
"""The shares of the time left that the first relaxation, the hidden bounds of a stage, and its nodes may take."""

_BESIDE_SHARPENING = 0.5
"""What nodes may cost, in the time that sharpening took just before, although their stage has had enough of them."""

_PATIENT = Ascent(margin_steps=30, hidden_steps=10, rate=0.4, decay=0.93)
"""How slopes are searched for questions that the first stage left open."""


def planter(network: Network, *, dtype: torch.dtype, device: torch.device | str, slopes: Ascent) -> Planter:
    """What trees about a network begin with: slopes searched in ``dtype`` on ``device`` as ``slopes`` says."""
    search = AlphaBounder(network, dtype=dtype, device=device, ascent=slopes)
    return Planter(Units(network), search, CrownBounder(network, dtype=torch.float64, rounded=True))


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """The questions still open, about a network without what is off on all their regions.

    ``index`` (B,) are their numbers, ``names`` (U,) the units' numbers in the whole network, ``proved`` (B, R) which
    margins are known to be positive.
    """

    queries: Queries
    planter: Planter
    roots: Roots
    index: Int64[np.ndarray, " b"]
    names: Int64[np.ndarray, " u"]
    proved: np.ndarray

    def about(self, kept: np.ndarray) -> "_Ground":
        """The questions at ``kept``, and the network on their regions."""
        queries, roots, old = self.queries.take(kept), self.roots.about(kept), self.planter
        restriction = Restriction.of(queries.network, roots.enclosure)
        tensors = old.search.tensors
        made = planter(restriction.network, dtype=tensors.dtype, device=tensors.device, slopes=_PATIENT)
        units = restriction.units(old.units)
        enclosure = restriction.image(roots.enclosure, made.proof.tensors)
        roots = dc.replace(roots, units=made.units, enclosure=enclosure, slopes=roots.slopes[:, units])
        queries = dc.replace(queries, network=restriction.network)
        return _Ground(queries, made, roots, self.index[kept], self.names[units.numpy()], self.proved[kept])

    def sharpened(self, leaves: int, effort: Effort, deadline: Deadline) -> "_Ground":
        """The same after every hidden value in turn was sharpened."""
        ground, values = self, self.roots.units.values[1:]
        for k, value in enumerate(values):
            share, network = deadline.part(1 / (len(values) - k)), self.planter.search.tensors
            known = sharpen(ground.roots.enclosure, value, network, leaves=leaves, effort=effort, deadline=share)
            roots, proved = self.planter.plant(self.queries, deadline, begin=known, known=ground.proved)
            ground = dc.replace(ground, roots=roots, proved=proved)
            if proved.all():
                break
        return ground


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
        index, names, begin = np.arange(len(self.proved)), np.arange(self._planter.units.count), deadline.clock()
        roots, proved = self._planter.plant(self._queries, deadline.part(_PLANTING))
        ground = _Ground(self._queries, self._planter, roots, index, names, proved)
        last = Stage(0, self._effort.nodes)
        hidden = len(self._planter.units.values) > 1  # else there is nothing to come back for
        for stage in (*self._effort.stages, last) if hidden else (last,):
            self.proved[ground.index] |= ground.proved.all(1)
            open_ = np.flatnonzero(self._open(ground.index))
            if not len(open_) or deadline.passed:
                return
            ground = ground.about(open_)
            if stage.leaves:
                ground = ground.sharpened(stage.leaves, self._effort, deadline.part(_SHARPENING))
            cheap = Deadline.after(_BESIDE_SHARPENING * (deadline.clock() - begin), deadline.clock)
            ground = self._search(ground, stage.nodes, deadline if stage is last else deadline.part(_SEARCHING), cheap)
            begin = deadline.clock()
        self.proved[ground.index] |= ground.proved.all(1)

    def _open(self, index: np.ndarray) -> np.ndarray:
        """Which of some questions more work may decide."""
        known = np.array([self.witness[i] is not None for i in index]) | self.proved[index]
        return ~known & (self.stuck[index] == 0) & (self.spent[index] < self._effort.nodes)

    def _search(self, ground: _Ground, nodes: int, deadline: Deadline, cheap: Deadline) -> _Ground:
        """What is open after a search of up to ``nodes`` more nodes a question than its trees have leaves."""
        question, row = np.nonzero(~ground.proved)
        asked = list(zip(ground.index[question].tolist(), row.tolist(), strict=True))
        forest = Forest.regrown([self._grown[i].get(j) for i, j in asked], ground.names)
        leaves = np.bincount(question[forest.tree[forest.leaves()]], minlength=len(ground.index)).max(initial=0)
        enough = min(nodes + int(leaves), self._effort.nodes)
        search = Search(
            self._queries.take(ground.index),
            ground.roots,
            forest=forest,
            network=ground.planter.search.tensors,
            exact=self._exact,
            effort=self._effort,
        )
        search.run(deadline, enough=enough, cheap=cheap)
        for t, (i, j) in enumerate(asked):
            self._grown[i][j] = Grown(search.forest, t, ground.names)
        self.stuck[ground.index] += search.stuck
        self.spent[ground.index] += search.spent
        for i, witness in zip(ground.index, search.witness, strict=True):
            self.witness[i] = witness
        proved, complete = ground.proved.copy(), search.forest.complete()
        proved[question, row] = complete
        return dc.replace(ground, roots=ground.roots.only(~complete), proved=proved)
