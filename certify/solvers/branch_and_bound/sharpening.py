"""Hidden pre-activations bounded by branching on the ReLUs before them: a small tree for each open unit and side.

A relaxation is only as good as the intervals it is built on. A bound of a hidden unit is a margin like any other, so a
few splits sharpen it, and what comes after gains at every layer. Nothing of the search is believed: a tree that covers
its region gives the least of its leaves' bounds, each from one rigorous pass.
"""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from certify.bounders.budget import is_out_of_memory, over_parts
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.solvers.branch_and_bound.ascent import ascend
from certify.solvers.branch_and_bound.branching import choose, losses, price_scale
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.forest import Forest
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes, cut
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork

_TREES = 1 << 27
"""Bytes of multipliers that the trees of one group may take."""


def sharpen(
    enclosure: Enclosure, value: int, network: TensorNetwork, *, leaves: int, effort: Effort, deadline: Deadline
) -> Enclosure:
    """What ``enclosure`` knows up to ``value``, whose open units are bounded by trees of up to ``leaves`` leaves.

    ``network`` is what to search with. Rounding is accounted for as in ``enclosure``.
    """
    known = enclosure.upto(value)
    units = Units(enclosure.network.network, before=value)
    region, column = ((known.lower[value] < 0) & (known.upper[value] > 0)).nonzero(as_tuple=True)
    lower, upper = known.lower[value].clone(), known.upper[value].clone()

    def work(part: Tensor) -> None:
        if deadline.passed:
            return
        grove = _Grove(known, network, _Sides(units, region[part], column[part]), effort)
        grove.grow(leaves, deadline)
        low, high = grove.bounds(deadline)
        at = region[part], column[part]
        lower[at], upper[at] = torch.maximum(lower[at], low), torch.minimum(upper[at], high)

    try:
        if units.count:
            over_parts(len(region), max(1, _TREES // (64 * leaves * units.count)), work)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise  # what did not fit stays as it was
    known.tighten(value, lower, upper)
    return known


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """K units ``column`` (K,) of one value on ``region`` (K,); tree k bounds unit k from below, tree K + k from above.

    ``units`` are those that the value may depend on.
    """

    units: Units
    region: Tensor
    column: Tensor

    def nodes(self, whole: Enclosure, tree: Tensor, phases: Tensor) -> Nodes:
        """The parts of the trees' regions where ``phases`` (B, U) hold, with the unit or its negative as margin."""
        count, unit = len(self.region), tree % len(self.region)
        region, column = (part[unit].to(whole.lower[0].device) for part in (self.region, self.column))
        rows = whole.lower[0].new_zeros(len(tree), 1, whole.lower[-1].shape[1])
        sign = torch.where(tree < count, 1.0, -1.0).to(rows)
        rows[torch.arange(len(tree), device=rows.device), 0, column] = sign
        phases = phases.to(rows.device)
        return Nodes(self.units, cut(whole.take(region), self.units, phases), rows, rows[:, :, 0] * 0, phases)


class _Grove:
    """The trees of some units, grown together: in each round the worst leaf of every tree is split."""

    def __init__(self, whole: Enclosure, network: TensorNetwork, sides: _Sides, effort: Effort) -> None:
        self._whole, self._fast, self._sides, self._effort = whole, whole.on(network), sides, effort
        self._forest = Forest(2 * len(sides.region))
        self._batch = effort.together(whole.network.network, self._fast.lower[0].element_size())
        relaxations, units = self._fast.relaxations, sides.units
        default = {k: relaxations[units.readers[k][0]].lower_slope for k in units.values}
        slopes = units.join(default, self._fast.lower[0])[sides.region.to(network.device)].repeat(2, 1)
        self._chosen = Multipliers(slopes, torch.zeros_like(slopes))
        self._bound = np.full(self._forest.size, -np.inf)

    def grow(self, leaves: int, deadline: Deadline) -> None:
        """Splits until every unit is settled or stuck, has its ``leaves``, or the deadline comes."""
        roots = np.arange(self._forest.size)
        self._evaluate(roots, torch.ones_like(self._chosen.prices), deadline)
        for _ in range(leaves - 1):
            worst = self._worst()
            if deadline.passed or not len(worst) or not self._split(worst, deadline):
                return

    def bounds(self, deadline: Deadline) -> tuple[Tensor, Tensor]:
        """Lower and upper bounds (K,) of the units, proved leaf by leaf; infinite where the deadline came first."""
        leaves, covering = self._forest.leaves(), torch.as_tensor(self._forest.covering())
        least = torch.full(covering.shape, torch.inf, dtype=self._whole.lower[0].dtype)
        for part in np.array_split(leaves, max(1, -(-len(leaves) // self._batch))):
            tree = torch.as_tensor(self._forest.tree[part])
            least = least.scatter_reduce(0, tree, self._proved(part, deadline), "amin")
        low, high = torch.where(covering & (least < torch.inf), least, -torch.inf).chunk(2)
        return low, -high

    @torch.no_grad()
    def _proved(self, leaf: np.ndarray, deadline: Deadline) -> Tensor:
        """What one rigorous pass proves of some leaves (k,); infinite where no point is left."""
        if deadline.passed:
            return torch.full((len(leaf),), -torch.inf, dtype=self._whole.lower[0].dtype)
        nodes = self._nodes(leaf, self._whole)
        bound = nodes.bound(self._chosen.take(torch.as_tensor(leaf)).to(nodes.row))
        return torch.where(nodes.empty(), torch.inf, bound)

    def _worst(self) -> Int64[np.ndarray, " k"]:
        """The worst leaf of every tree of a unit of open sign, as far as the leaf can be split."""
        leaves = self._forest.leaves()
        tree = self._forest.tree[leaves]
        order = np.lexsort((self._bound[leaves], tree))
        first = order[np.flatnonzero(np.diff(tree[order], prepend=-1))]
        bound = self._bound[leaves[first]].reshape(2, -1)
        settled = np.tile((bound > 0).any(0), 2)
        return leaves[first[~settled]]

    def _split(self, node: np.ndarray, deadline: Deadline) -> bool:
        """Splits what can be split of some nodes and bounds the halves; whether there was anything."""
        before = self._forest.size
        for part in np.array_split(node, max(1, -(-len(node) // self._batch))):
            nodes = self._nodes(part, self._fast)
            splittable = nodes.unstable()
            index = splittable.any(1).nonzero()[:, 0]
            if len(index):
                parent, chosen = part[index.cpu().numpy()], self._chosen.take(torch.as_tensor(part))
                self._halve(parent, nodes.take(index), chosen.take(index), splittable[index], deadline)
        return self._forest.size > before

    def _halve(
        self, parent: np.ndarray, nodes: Nodes, chosen: Multipliers, splittable: Tensor, deadline: Deadline
    ) -> None:
        found = losses(nodes, chosen)
        unit, _ = choose(nodes, chosen, found, splittable, max(1, self._effort.candidates // 2))
        children = self._forest.split(parent, unit.cpu().numpy()).ravel()
        twice = torch.arange(len(parent), device=unit.device).repeat_interleave(2)
        self._append(chosen.take(twice), self._bound[parent].repeat(2))
        self._evaluate(children, price_scale(nodes, found)[twice], deadline)

    def _append(self, chosen: Multipliers, bound: np.ndarray) -> None:
        slopes, prices = (
            torch.cat([self._chosen.slopes, chosen.slopes]),
            torch.cat([self._chosen.prices, chosen.prices]),
        )
        self._chosen, self._bound = Multipliers(slopes, prices), np.append(self._bound, bound)

    def _evaluate(self, node: np.ndarray, scale: Tensor, deadline: Deadline) -> None:
        """Better multipliers for nodes, and their bounds, which are never below their parents'."""
        for index in torch.arange(len(node)).split(self._batch):
            part, place = node[index.numpy()], torch.as_tensor(node[index.numpy()])
            start, there = self._chosen.take(place), index.to(scale.device)
            lower, best = ascend(self._nodes(part, self._fast), start, scale[there], self._effort.hidden, deadline)
            self._chosen.slopes[place], self._chosen.prices[place] = best.slopes, best.prices
            self._bound[part] = np.maximum(self._bound[part], lower.double().cpu().numpy())

    def _nodes(self, node: np.ndarray, whole: Enclosure) -> Nodes:
        phases = torch.as_tensor(self._forest.phases(node, self._sides.units.count))
        return self._sides.nodes(whole, torch.as_tensor(self._forest.tree[node]), phases)
