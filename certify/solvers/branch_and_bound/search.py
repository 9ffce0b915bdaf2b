"""Branch and bound over ReLU phases, for all open margins of many questions at once."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.attacks.polish import confirm, margins
from certify.bounders.budget import is_out_of_memory
from certify.deadline import Deadline
from certify.exact import ExactNetwork
from certify.outcome import Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.ascent import ascend
from certify.solvers.branch_and_bound.branching import choose, losses, price_scale
from certify.solvers.branch_and_bound.completion import Cell, affine_values, finish
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.forest import Forest
from certify.solvers.branch_and_bound.frontier import Frontier
from certify.solvers.branch_and_bound.minimiser import minimiser
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes
from certify.solvers.branch_and_bound.roots import Roots, cast, proves
from certify.tensor_network import TensorNetwork

_LOOKS = 3
"""Candidates of one question that are evaluated exactly at a time, the smallest margins first."""


class Search:
    """The state of one search: its forest, the waiting nodes, and what is known of each question.

    ``witness[i]`` refutes question i; ``stuck[i]`` counts leaves that floating point could neither prove nor refute.
    """

    def __init__(
        self,
        queries: Queries,
        roots: Roots,
        *,
        forest: Forest,
        network: TensorNetwork,
        exact: ExactNetwork,
        effort: Effort,
    ) -> None:
        self.forest = forest
        self.witness: list[Witness | None] = [None] * len(queries)
        self.stuck, self.spent = (np.zeros(len(queries), dtype=np.int64) for _ in range(2))
        self._queries, self._roots, self._network, self._effort = queries, roots, network, effort
        self._exact = exact
        self._question = roots.question.numpy()
        self._scale = torch.ones_like(roots.slopes, dtype=network.dtype, device=network.device)
        self._frontier = Frontier(roots.units.count)
        self._batch = effort.together(network.network, self._scale.element_size())
        leaves = forest.leaves()
        tree = forest.tree[leaves]
        start = Multipliers(roots.slopes[tree], torch.zeros_like(roots.slopes[tree]))
        self._frontier.push(leaves, self._question[tree], np.full(len(leaves), -np.inf), start)

    def run(self, deadline: Deadline, *, enough: int, cheap: Deadline) -> None:
        """Works until every question is decided or stuck, or a limit comes first.

        After ``cheap`` a question is left as it is once it has had ``enough`` nodes.
        """
        while len(self._frontier) and not deadline.passed:
            node, chosen = self._frontier.pop(self._batch, latest=self._frontier.bytes > self._effort.pool_bytes)
            try:
                self._advance(node, chosen, deadline)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if self._batch == 1 or not is_out_of_memory(error):
                    raise
                self._batch = max(1, self._batch // 2)
                still = (self.forest.child[node] < 0) & ~self.forest.proved[node]
                index = torch.as_tensor(np.flatnonzero(still))
                node = node[still]
                question = self._question[self.forest.tree[node]]
                self._frontier.push(node, question, np.full(len(node), -np.inf), chosen.take(index))
            decided = np.array([found is not None for found in self.witness])
            most = enough if cheap.passed else self._effort.nodes
            self._frontier.drop(decided | (self.spent >= most))

    def _advance(self, node: np.ndarray, chosen: Multipliers, deadline: Deadline) -> None:
        """Bounds a batch of nodes: each is proved, refuted, completed, or split."""
        numbers = self.forest.tree[node]
        tree = torch.as_tensor(numbers)
        self.spent += np.bincount(self._question[numbers], minlength=len(self.spent))
        phases = torch.as_tensor(self.forest.phases(node, self._roots.units.count))
        with torch.no_grad():
            exact = self._roots.node(tree, phases, deadline)
            fast = cast(exact, self._network)
        scale = self._scale[tree.to(self._scale.device)]
        lower, best = ascend(fast, chosen.to(scale), scale, self._effort.ascent, deadline)
        closed = (lower > 0).cpu() | exact.empty()
        done = torch.zeros_like(closed)
        index = closed.nonzero()[:, 0]
        if len(index):
            done[index] = proves(exact.take(index), best.take(index.to(lower.device)))
        self.forest.proved[node[done.numpy()]] = True
        rest = (~done).nonzero()[:, 0]
        if len(rest) and not deadline.passed:
            there = rest.to(lower.device)
            batch = _Batch(node[rest.numpy()], exact.take(rest), fast.take(there), best.take(there), lower[there])
            self._go_on(batch, deadline)

    def _go_on(self, batch: "_Batch", deadline: Deadline) -> None:
        """Looks for counterexamples in nodes without proof; completes those without open phases, splits others."""
        question = self._question[self.forest.tree[batch.node]]
        with torch.no_grad():
            coefficients = batch.fast.form(batch.chosen).coefficients[:, 0]
            points = minimiser(batch.fast.enclosure.ball, coefficients)
        self._examine(question, points.double().cpu().numpy(), 0.0)
        unstable = batch.exact.unstable()
        fixed = ~unstable.any(1).numpy()
        decided = np.array([self.witness[q] is not None for q in question])
        self._complete(batch, np.flatnonzero(fixed & ~decided), deadline)
        self._split(batch, unstable, torch.as_tensor(np.flatnonzero(~fixed & ~decided)))

    def _examine(self, question: np.ndarray, points: np.ndarray, slack: float) -> None:
        """Evaluates a point (k, n) for each of some questions; the best of each question is judged exactly."""
        value = margins(self._queries.take(question), points)
        for q in np.unique(question[value <= slack]):
            mine = np.flatnonzero(question == q)
            for i in mine[value[mine].argsort()][:_LOOKS]:
                if self.witness[q] is None and value[i] <= slack:
                    asked = self._queries.take(np.array([q]))
                    (self.witness[q],) = confirm(asked, points[i : i + 1], None, self._exact)

    def _split(self, batch: "_Batch", unstable: Tensor, index: Tensor) -> None:
        if not len(index):
            return
        there = index.to(batch.lower.device)
        nodes, chosen, node = batch.fast.take(there), batch.chosen.take(there), batch.node[index.numpy()]
        found = losses(nodes, chosen)
        tree = self.forest.tree[node]
        root = torch.as_tensor(np.flatnonzero(self.forest.parent[node] < 0), device=there.device)
        if len(root):
            self._scale[torch.as_tensor(tree)[root.cpu()].to(there.device)] = price_scale(nodes, found)[root]
        unit, estimate = choose(nodes, chosen, found, unstable[index].to(there.device), self._effort.candidates)
        children = self.forest.split(node, unit.cpu().numpy())
        bound = torch.maximum(estimate, batch.lower[there][:, None]).double().cpu().numpy()
        twice = torch.arange(len(there), device=there.device).repeat_interleave(2)
        self._frontier.push(
            children.ravel(), np.repeat(self._question[tree], 2), bound.ravel().clip(-1e300, 1e300), chosen.take(twice)
        )

    def _complete(self, batch: "_Batch", index: np.ndarray, deadline: Deadline) -> None:
        """Settles nodes on which the network is affine; those that resist are stuck."""
        for i in index.tolist():
            question = int(self._question[self.forest.tree[batch.node[i]]])
            if deadline.passed or self.witness[question] is not None:
                return
            leaf = batch.exact.take(torch.tensor([i]))
            cell, columns = _cell(leaf)
            found = finish(cell)
            prices = torch.zeros(len(found.prices), leaf.phases.shape[1], dtype=torch.float64)
            prices[:, columns] = torch.as_tensor(found.prices)
            copies = leaf.take(torch.zeros(len(prices), dtype=torch.int64))
            if bool(proves(copies, Multipliers(torch.zeros_like(prices), prices)).any()):
                self.forest.proved[batch.node[i]] = True
                continue
            count = len(found.points)
            self._examine(np.full(count, question), found.points, 1e-6 * (1 + abs(cell.constant)))
            self.stuck[question] += self.witness[question] is None


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Nodes that the ascent left open: for proofs, for the search, and with the best that it found."""

    node: np.ndarray
    exact: Nodes
    fast: Nodes
    chosen: Multipliers
    lower: Tensor


def _cell(leaf: Nodes) -> tuple[Cell, Tensor]:
    """The cell of one node without open phases, and the units that bound it."""
    enclosure, units = leaf.enclosure, leaf.units
    active = {i: (enclosure.lower[k][0] >= 0).numpy() for k in units.values for i in units.readers[k]}
    values = affine_values(enclosure.network.network, active)
    none = np.zeros((0, enclosure.network.network.input_width)), np.zeros(0)
    matrix, vector = (
        np.concatenate([part[side] for part in (none, *(values[k] for k in units.values))]) for side in (0, 1)
    )
    columns = leaf.phases[0].nonzero()[:, 0]
    phase = leaf.phases[0, columns].double().numpy()
    row, ball = leaf.row[0, 0].numpy(), enclosure.ball
    output = values[-1]
    cell = Cell(
        gradient=row @ output[0],
        constant=float(row @ output[1] + leaf.offset[0, 0]),
        sides=phase[:, None] * matrix[columns.numpy()],
        heights=phase * vector[columns.numpy()],
        centre=ball.centre[0].numpy(),
        radius=float(ball.radius[0]),
        norm=ball.norm,
        lower=ball.lower[0].numpy(),
        upper=ball.upper[0].numpy(),
    )
    return cell, columns
