"""Branch and bound over boxes: bound, cut down, halve; what is left of a box keeps the signs proved on it.

Proofs are CROWN in float64 with rounding accounted for. A unit whose sign is proved on a box keeps it on every part of
the box, so that fewer and fewer units have to be bounded again; and a box is cut down to where its clauses may fail
before it is halved (``contraction``). Halves share the middle and cover the rest.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.budget import Limits, is_out_of_memory
from certify.bounders.enclosure import Enclosure
from certify.bounders.refine import refine
from certify.deadline import Deadline
from certify.solvers.branch_and_bound.boxes import Boxes, signs_of
from certify.solvers.branch_and_bound.contraction import contracted
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.functions import Functions
from certify.solvers.branch_and_bound.nodes import clipped
from certify.solvers.branch_and_bound.units import Units
from certify.solvers.clauses import Clauses
from certify.tensor_network import TensorNetwork

Found = TypeVar("Found")
Judge = Callable[[int, Float64[np.ndarray, "k n"]], Found | None]
"""What a question's candidates (k, n), best first, are worth after an exact check; None if nothing."""

_BYTES = 1 << 24
"""Working memory of one piece of a bound: so much stays in the cache."""

_JUDGED = 2
"""So many candidates of a question are judged exactly at a time."""


class BoxSearch(Generic[Found]):
    """One search over boxes: a box leaves only when it is proved to hold no point where a clause fails, or for halves.

    ``found[i]`` is what ``judge`` made of a candidate of question i, ``spent[i]`` counts boxes, ``stuck[i]`` those that
    no number divides. ``lost[i]`` says that a box of question i left without proof, so that none is possible any more.
    """

    def __init__(
        self, clauses: Clauses, *, network: TensorNetwork, judge: Judge[Found], effort: Effort, slack: float = 0.0
    ) -> None:
        count = len(clauses)
        self.found: list[Found | None] = [None] * count
        self.stuck, self.spent = (np.zeros(count, dtype=np.int64) for _ in range(2))
        self.lost = np.zeros(count, dtype=bool)
        self._functions, self._network = Functions(clauses, network), network
        self._units = Units(network.network)
        self._judge, self._effort, self._batch = judge, effort, effort.batch
        self._slack = slack
        ball = BallBatch.of(clauses.queries, network, rounded=True)
        self._pool = Boxes.whole(ball.lower, ball.upper, self._units)

    def run(self, deadline: Deadline) -> None:
        """Works until every question is decided or stuck, or a limit comes first."""
        while len(self._pool) and not deadline.passed:
            order = self._pool.turns(crowded=self._pool.bytes > self._effort.pool_bytes)
            try:
                self._advance(order[: self._batch], deadline)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if self._batch == 1 or not is_out_of_memory(error):
                    raise
                self._batch = max(1, self._batch // 2)

    def proved(self) -> np.ndarray:
        """Which questions (B,) have no box left to prove, and lost none."""
        return ~self.lost & (np.bincount(self._pool.question.numpy(), minlength=len(self.lost)) == 0)

    @torch.no_grad()
    def _advance(self, picked: Tensor, deadline: Deadline) -> None:
        boxes = self._pool.take(picked)
        ball = BallBatch.box(boxes.lower, boxes.upper)
        enclosure = self._enclosed(ball, boxes.signs, deadline)
        form = self._functions.form(enclosure, boxes.question)
        bound = form.lower(ball)
        best = self._functions.best(bound)
        left = contracted(form, self._functions, best > 0, boxes.lower, boxes.upper)
        open_ = ~left.held.all(1)
        signs = signs_of(enclosure, self._units)
        rest = Boxes(boxes.question, left.lower, left.upper, signs, best.amin(1)).take(open_)
        failing = ~left.held[open_][:, self._functions.clause]
        slopes = torch.where(failing[:, :, None], form.coefficients[open_], 0.0)
        lowest = torch.where(failing, bound[open_], torch.inf).argmin(1)
        self._examine(rest, slopes[torch.arange(len(rest)), lowest])
        self._replace(picked, rest, slopes.abs().amax(1))

    def _enclosed(self, ball: BallBatch, signs: Tensor, deadline: Deadline) -> Enclosure:
        """Bounds of all values on the boxes, from the signs that are proved already."""
        enclosure, limits = Enclosure.start(self._network, ball), Limits(min(_BYTES, self._effort.bytes), deadline)
        known = dict(self._units.parts(signs))
        for value in range(1, len(self._network.network.nodes) + 1):
            enclosure.extend()
            if value in known:
                enclosure.tighten(value, *clipped(enclosure.lower[value], enclosure.upper[value], known[value]))
                refine(enclosure, value, limits)
        return enclosure

    def _examine(self, boxes: Boxes, slope: Tensor) -> None:
        """Tries the middle of every box and the corner where its lowest bound is; the best are judged exactly."""
        corners = torch.where(slope > 0, boxes.lower, boxes.upper)
        points = torch.cat([corners, (boxes.lower + boxes.upper) / 2])
        question = boxes.question.repeat(2)
        margin = self._functions.best(self._functions.values(points, question)).amin(1)
        for q in question[margin <= self._slack].unique().tolist():
            if self.found[q] is None:
                mine = torch.nonzero((question == q) & (margin <= self._slack))[:, 0]
                order = mine[margin[mine].argsort()[:_JUDGED]]
                self.found[q] = self._judge(q, points[order].numpy())

    def _replace(self, picked: Tensor, boxes: Boxes, pull: Tensor) -> None:
        """Puts the halves of the boxes that are left in the place of all that were picked."""
        count = len(self.found)
        spent = self.spent + np.bincount(self._pool.question[picked].numpy(), minlength=count)
        decided = np.array([found is not None for found in self.found]) | (spent >= self._effort.nodes)
        halves, narrow = boxes.halves(pull)
        stuck = np.bincount(boxes.question[narrow].numpy(), minlength=count)
        kept = torch.ones(len(self._pool), dtype=torch.bool)
        kept[picked] = False
        pool = self._pool.take(kept).and_these(halves)
        given_up = torch.as_tensor(decided)[pool.question]
        dropped = np.bincount(pool.question[given_up].numpy(), minlength=count)
        self._pool, self.spent, self.stuck = pool.take(~given_up), spent, self.stuck + stuck  # all at once, or none
        self.lost |= (stuck > 0) | (dropped > 0)
