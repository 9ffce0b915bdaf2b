"""Best-first branch and bound over the signs of concave-side neurons, for many questions at once.

A node's bound comes from its multipliers (``ascent.py``); what the node may still hold lies in an ellipsoid, which
tightens the enclosure of every neuron for its children. Nothing is dropped: a node that cannot be split any further
and whose bound stays below the incumbent caps the answer.
"""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.two_layer.ascent import Goal, Hint, maximise
from certify.solvers.two_layer.dual import Nodes, Point, losses, repriced
from certify.solvers.two_layer.forest import Forest
from certify.solvers.two_layer.incumbents import Incumbents
from certify.solvers.two_layer.units import Region, Units

_BATCH_BYTES = 2**25
_AT_ONCE = 8
"""Nodes of one input that are bounded together: more would cost less each, but are chosen knowing less."""

_PRICES = (1.01, 1.5)
"""The ellipsoids that tighten enclosures. The bound's own quadratic may be all but flat, so that a proof in floating
point gets less out of it than a search does; from 1 + 2e-3 on both get the same."""

_STALE = 1.5
"""A leaf that was bounded in a ball so much larger than the incumbent's is bounded again: precision is relative."""

_HOPELESS = 0.25
"""The share of the way to a closed node that may be missing when a node's bound is good enough to split it."""

_SETTLED = 0.25
"""The share of open neurons that must have been settled for a node to be bounded again before it is split."""

BEYOND = 1 + 1e-6
"""A limit that no counterexample is known for is proved with this much to spare."""


@dc.dataclass(frozen=True, slots=True)
class Effort:
    """``tolerance``: relative width at which an input counts as closed; ``most_nodes`` bounded for each input.

    Without ``quadratic`` no majorant but chords is used, to measure what the others are good for.
    """

    tolerance: float
    most_nodes: int
    deadline: Deadline
    quadratic: bool = True


@dc.dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Open nodes: regions, their place in the forest, the ``bound`` (N,) that their parent proved, and its multipliers.

    ``mu`` (N,) and ``x`` (N, G) are a good start for the node's own; ``mu`` is 0 where there is none.
    """

    region: Region
    parent: Tensor
    neuron: Tensor
    side: Tensor
    bound: Tensor
    mu: Tensor
    x: Tensor

    def take(self, index: Tensor) -> "Pool":
        """The nodes at ``index``."""
        rest = (getattr(self, f.name)[index] for f in dc.fields(self)[1:])
        return Pool(self.region.take(index), *rest)

    @classmethod
    def join(cls, pools: "list[Pool]") -> "Pool":
        """All nodes of several pools."""
        region = Region(*(torch.cat([getattr(p.region, f.name) for p in pools]) for f in dc.fields(Region)))
        return cls(region, *(torch.cat([getattr(p, f.name) for p in pools]) for f in dc.fields(cls)[1:]))


class Search:
    """The search for B inputs with Q questions; ``owner`` (Q,) tells the input of a question."""

    def __init__(self, units: Units, owner: Tensor, incumbents: Incumbents, effort: Effort) -> None:
        self._units, self._owner, self._effort = units, owner.to(units.device), effort
        self._incumbents = incumbents
        self._floor = torch.full_like(incumbents.radius, torch.inf)
        self._whole = torch.zeros(len(owner), dtype=incumbents.radius.dtype, device=units.device)
        self._nodes = [Forest.empty(len(units.gram))]
        self._count = 0
        self.spent = torch.zeros_like(incumbents.radius, dtype=torch.int64)
        self._pool = self._roots()

    def run(self) -> bool:
        """Works until every input is closed or has spent its nodes; false if the deadline came first."""
        while len(chosen := self._choose()):
            if self._effort.deadline.passed:
                return False
            rest = torch.ones(len(self._pool.bound), dtype=torch.bool, device=chosen.device)
            rest[chosen] = False
            batch, self._pool = self._pool.take(chosen), self._pool.take(rest.nonzero()[:, 0])
            self._expand(batch)
        return True

    @property
    def forest(self) -> Forest:
        """Every node that was bounded."""
        return Forest.join(self._nodes)

    @property
    def lower(self) -> Tensor:
        """For each input the least bound of all its nodes that have no children, (B,)."""
        owner = self._owner[self._pool.region.question]
        return self._floor.scatter_reduce(0, owner, self._pool.bound, "amin")

    @property
    def unsplit(self) -> Tensor:
        """For each input the least bound of its questions before any split, at most its radius, (B,)."""
        return self._incumbents.radius.scatter_reduce(0, self._owner, self._whole, "amin")

    @property
    def target(self) -> Tensor:
        """The bound that closes an input, (B,)."""
        radius = self._incumbents.radius
        return torch.where(self._incumbents.found, (1 - self._effort.tolerance) * radius, (1 - 1e-7) * radius)

    @property
    def open(self) -> Tensor:
        """Which inputs have work left, (B,)."""
        left = torch.zeros_like(self._incumbents.found)
        owner = self._owner[self._pool.region.question]
        left[owner[self._pool.bound < self.target[owner]]] = True
        return left

    def _roots(self) -> Pool:
        question = torch.arange(len(self._owner), device=self._units.device)
        region = self._units.ball(question, self._incumbents.radius[self._owner])
        none = torch.full_like(question, -1)
        nothing = torch.zeros_like(region.lower)
        return Pool(region, none, none, none, nothing[:, 0], nothing[:, 0], nothing)

    def _choose(self) -> Tensor:
        """The nodes of least bound of every input that has work left."""
        owner = self._owner[self._pool.region.question]
        active = (self._pool.bound < self.target[owner]) & (self.spent[owner] < self._effort.most_nodes)
        capped = self._floor[owner] <= self._pool.bound  # nothing that this node proves could help
        index = (active & ~capped).nonzero()[:, 0].cpu().numpy()
        if not len(index):
            return torch.zeros(0, dtype=torch.int64, device=owner.device)
        bound, mine = self._pool.bound[index].cpu().numpy(), owner[index].cpu().numpy()
        order = np.lexsort((bound, mine))
        sorted_ = mine[order]
        first = np.searchsorted(sorted_, sorted_)
        rank = np.arange(len(order)) - first
        size = max(1, _BATCH_BYTES // (8 * len(self._units.gram) ** 2))
        each = _AT_ONCE
        best = order[rank < each]
        best = best[np.argsort(rank[rank < each], kind="stable")][:size]
        return torch.as_tensor(index[best], device=owner.device)

    def _expand(self, batch: Pool) -> None:
        region, owner = batch.region, self._owner[batch.region.question]
        radius, curved = self._incumbents.radius[owner], (batch.parent >= 0) & self._effort.quadratic
        region = self._clip(region, radius)
        self.spent.scatter_add_(0, owner, torch.ones_like(owner))
        for bent in (False, True):
            index = (curved == bent).nonzero()[:, 0]
            if len(index):
                self._bound(batch.take(index), region.take(index), radius[index], bent=bent)

    def _clip(self, region: Region, radius: Tensor) -> Region:
        whole = self._units.ball(region.question, radius)
        lower, upper = torch.maximum(region.lower, whole.lower), torch.minimum(region.upper, whole.upper)
        return dc.replace(region, lower=torch.minimum(lower, upper), upper=torch.maximum(lower, upper))

    def _bound(self, batch: Pool, region: Region, radius: Tensor, *, bent: bool) -> None:
        nodes = self._units.nodes(region, radius, bent=bent)
        splittable = self._splittable(region)
        goal, leaf = self._goal(region, radius), ~splittable.any(1)
        point = maximise(nodes, goal, Hint(torch.where(leaf, 0.0, batch.mu), batch.x))  # leaves must not end early
        bound = torch.maximum(batch.bound, radius * (2 * point.value).clamp_min(0.0).sqrt() * (1 - 1e-13))
        place = (region.question, batch.parent, batch.neuron, batch.side)
        number = self._record(place, region, radius, point)
        whole = (region.split == 0).all(1)
        self._whole[region.question[whole]] = bound[whole]
        owner = self._owner[region.question]
        self._improve(region, point, bound < self.target[owner], leaf)
        stale = radius > _STALE * self._incumbents.radius[owner]
        done = (bound >= self.target[owner]) | (leaf & ~stale)
        self._floor.scatter_reduce_(0, owner[done], bound[done], "amin")
        self._branch((region, bound, number), (nodes, point, radius), ~done)

    def _splittable(self, region: Region) -> Tensor:
        return (self._units.weight[region.question] < 0) & (region.lower < 0) & (region.upper > 0)

    def _goal(self, region: Region, radius: Tensor) -> Goal:
        owner = self._owner[region.question]
        enough = 0.5 * (self.target[owner] / radius) ** 2 * (1 + 1e-12)
        leaf = ~self._splittable(region).any(1)
        gap = torch.full_like(radius, 0.05 * self._effort.tolerance)
        return Goal(enough, gap, torch.where(leaf, 0.0, _HOPELESS), self._effort.deadline)

    def _record(
        self, place: tuple[Tensor, Tensor, Tensor, Tensor], region: Region, radius: Tensor, point: Point
    ) -> Tensor:
        """The numbers in the forest of new nodes with their question, parent, neuron and side."""
        question, parent, neuron, side = (part.cpu() for part in place)
        self._nodes.append(Forest(question, parent, neuron, side, self._units.multipliers(region, radius, point)))
        number = self._count + torch.arange(len(radius), device=radius.device)
        self._count += len(radius)
        return number

    def _improve(self, region: Region, point: Point, wanted: Tensor, leaf: Tensor) -> None:
        """Counterexamples from the piece that the relaxation's minimiser lies in."""
        index = wanted.nonzero()[:, 0]
        self._incumbents.project(region.question[index], point.t[index] > 0)
        radius = self._incumbents.radius[self._owner[region.question]]
        short = radius * (2 * point.value).clamp_min(0.0).sqrt() < (1 - 4 * self._effort.tolerance) * radius
        index = (wanted & leaf & short).nonzero()[:, 0]
        self._incumbents.touch(region.question[index], point.t[index] > 0)

    def _branch(
        self, parents: tuple[Region, Tensor, Tensor], solved: tuple[Nodes, Point, Tensor], alive: Tensor
    ) -> None:
        index = alive.nonzero()[:, 0]
        if not len(index):
            return
        region, bound, number = parents[0].take(index), parents[1][index], parents[2][index]
        nodes, point, radius = solved[0].take(index), solved[1].take(index), solved[2][index]
        tighter, number = self._tighten(region, number, (nodes, point, radius))
        before, after = self._splittable(region).sum(1), self._splittable(tighter).sum(1)
        again = (before - after >= _SETTLED * before) | (after == 0)
        again |= ~nodes.bent.any(1) & self._effort.quadratic
        neuron = torch.where(self._splittable(tighter), losses(nodes, point), -torch.inf).argmax(1)
        none = torch.full_like(number, -1)
        mu = torch.where(nodes.bent.any(1) & torch.isfinite(point.value), point.mu, 0.0)
        whole = Pool(tighter, number, torch.where(again, none, neuron), none, bound, mu, point.x)
        fresh = [whole.take(again.nonzero()[:, 0])]
        fresh += [_half(whole.take((~again).nonzero()[:, 0]), side) for side in (0, 1)]
        self._pool = Pool.join([self._pool, *fresh])

    def _tighten(self, region: Region, number: Tensor, solved: tuple[Nodes, Point, Tensor]) -> tuple[Region, Tensor]:
        """The enclosures of what lies within the incumbent's radius and below the relaxation; the last node's number.

        Each ellipsoid is a node of its own, the only child of the one before; chords need none but the bound's.
        """
        nodes, point, radius = solved
        if not nodes.bent_at.shape[1]:
            return self._within(region, nodes, point, radius), number
        for price in _PRICES:
            rounder, none = repriced(nodes, point, price), torch.full_like(number, -1)
            number = self._record((region.question, number, none, none), region, radius, rounder)
            region = self._within(region, nodes, rounder, radius)
        return region, number

    def _within(self, region: Region, nodes: Nodes, point: Point, radius: Tensor) -> Region:
        room = (1 - 2 * point.value).clamp_min(0.0)[:, None] * point.widths(nodes)
        middle, width = point.t * radius[:, None], room.sqrt() * radius[:, None]
        lower, upper = torch.maximum(region.lower, middle - width), torch.minimum(region.upper, middle + width)
        return dc.replace(region, lower=torch.minimum(lower, upper), upper=torch.maximum(lower, upper))


def _half(pool: Pool, side: int) -> Pool:
    """The nodes cut at their neuron: t <= 0 for side 0, t >= 0 for side 1."""
    region, row = pool.region, torch.arange(len(pool.bound), device=pool.bound.device)
    lower, upper, split = region.lower.clone(), region.upper.clone(), region.split.clone()
    (lower if side else upper)[row, pool.neuron] = 0.0
    split[row, pool.neuron] = 1 if side else -1
    cut = Region(region.question, lower, upper, split)
    return dc.replace(pool, region=cut, side=torch.full_like(pool.side, side))
