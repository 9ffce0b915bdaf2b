"""Branch and bound by halving boxes: complete in the limit, and the faster way for networks with few inputs."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.attacks.polish import confirm, margins
from certify.bounders.ball import BallBatch
from certify.bounders.budget import Limits, is_out_of_memory
from certify.bounders.crown import margin_form
from certify.bounders.enclosure import Enclosure
from certify.bounders.refine import enclose
from certify.deadline import Deadline
from certify.exact import ExactNetwork
from certify.outcome import Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.effort import Effort
from certify.tensor_network import TensorNetwork

_WIDTH = 0.2
"""What an axis's width counts by itself against the steepest slope of the bound: flat bounds are crude ones."""


class Halving:
    """The state of one search over boxes: a box leaves only when CROWN proves every margin on it, or for its halves.

    Proofs are in float64 with rounding accounted for. ``witness`` and ``stuck`` as in ``Search``; ``lost[i]`` says that
    a box of question i left without either, so that nothing can be proved of it any more.
    """

    def __init__(self, queries: Queries, *, network: TensorNetwork, exact: ExactNetwork, effort: Effort) -> None:
        ball = BallBatch.of(queries, network, rounded=True)
        self.witness: list[Witness | None] = [None] * len(queries)
        self.stuck, self.spent = (np.zeros(len(queries), dtype=np.int64) for _ in range(2))
        self.lost = np.zeros(len(queries), dtype=bool)
        self._queries, self._network, self._effort, self._batch = queries, network, effort, effort.batch
        self._exact = exact
        self._lower, self._upper = ball.lower, ball.upper
        self._question = np.arange(len(queries))
        self._bound = np.full(len(queries), -np.inf)

    def run(self, deadline: Deadline) -> None:
        """Works until every question is decided or stuck, or a limit comes first."""
        while len(self._question) and not deadline.passed:
            picked = self._pick()
            try:
                self._advance(picked, deadline)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if self._batch == 1 or not is_out_of_memory(error):
                    raise
                self._batch = max(1, self._batch // 2)

    @property
    def proved(self) -> np.ndarray:
        """Which questions (B,) have no box left to prove, and lost none."""
        return ~self.lost & (np.bincount(self._question, minlength=len(self.lost)) == 0)

    def _pick(self) -> np.ndarray:
        """Of each question its worst boxes, the questions in turn; the smallest boxes when there are too many."""
        order = np.lexsort((self._bound, self._question))
        starts = np.flatnonzero(np.diff(self._question[order], prepend=-1))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        crowded = self._lower.numel() * 16 > self._effort.pool_bytes
        return np.argsort(-np.arange(len(order)) if crowded else rank, kind="stable")[: self._batch]

    @torch.no_grad()
    def _advance(self, picked: np.ndarray, deadline: Deadline) -> None:
        question, index = self._question[picked], torch.as_tensor(picked)
        lower, upper = self._lower[index], self._upper[index]
        ball = BallBatch.box(lower, upper)
        enclosure = enclose(Enclosure.start(self._network, ball), Limits(self._effort.bytes, deadline))
        form = margin_form(enclosure, self._queries.take(question))
        bound = form.lower(ball)
        proved = (bound > 0).all(1).numpy()
        self.spent += np.bincount(question, minlength=len(self.spent))
        rest = torch.as_tensor(np.flatnonzero(~proved))
        pull = torch.where((bound <= 0)[:, :, None], form.coefficients, 0.0)[rest]
        worst = form.coefficients[rest, bound[rest].argmin(1)]
        boxes = _Boxes(question[~proved], lower[rest], upper[rest], bound[rest].amin(1).numpy())
        self._examine(boxes, torch.where(worst > 0, boxes.lower, boxes.upper).numpy())
        self._replace(picked, boxes, pull.abs().amax(1))

    def _examine(self, boxes: "_Boxes", corners: np.ndarray) -> None:
        """Tries the worst corner and the middle of every box; the best point of each question is judged exactly."""
        points = np.concatenate([corners, ((boxes.lower + boxes.upper) / 2).numpy()])
        question = np.tile(boxes.question, 2)
        if not len(question):
            return
        value = margins(self._queries.take(question), points)
        for q in np.unique(question[value <= 0]):
            mine = np.flatnonzero(question == q)
            best = mine[value[mine].argmin()]
            asked = self._queries.take(np.array([q]))
            self.witness[q] = self.witness[q] or confirm(asked, points[best : best + 1], None, self._exact)[0]

    def _replace(self, picked: np.ndarray, boxes: "_Boxes", pull: Tensor) -> None:
        """Puts the halves of the boxes that are left in the place of all that were picked."""
        lower, upper, width = boxes.lower, boxes.upper, boxes.upper - boxes.lower
        axis = (width * (pull + _WIDTH * pull.amax(1, keepdim=True) + 1e-30)).argmax(1, keepdim=True)
        middle = ((lower + upper) / 2).gather(1, axis)
        narrow = ((middle <= lower.gather(1, axis)) | (middle >= upper.gather(1, axis)))[:, 0].numpy()
        decided = np.array([found is not None for found in self.witness]) | (self.spent >= self._effort.nodes)
        self.stuck += np.bincount(boxes.question[narrow], minlength=len(self.stuck))
        self.lost |= decided
        self.lost[boxes.question[narrow]] = True
        halved = np.flatnonzero(~narrow & ~decided[boxes.question])
        index = torch.as_tensor(halved)
        left = upper[index].scatter(1, axis[index], middle[index])
        right = lower[index].scatter(1, axis[index], middle[index])
        kept = np.ones(len(self._question), dtype=bool)
        kept[picked] = False
        kept &= ~decided[self._question]
        mask = torch.as_tensor(kept)
        ends = torch.cat([self._lower[mask], lower[index], right]), torch.cat([self._upper[mask], left, upper[index]])
        question = np.concatenate([self._question[kept], *[boxes.question[halved]] * 2])
        bound = np.concatenate([self._bound[kept], *[boxes.bound[halved]] * 2])
        (self._lower, self._upper), self._question, self._bound = ends, question, bound  # all at once, or none


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """Boxes that were not proved, with their bounds (k,)."""

    question: np.ndarray
    lower: Tensor
    upper: Tensor
    bound: np.ndarray
