"""The trees of a search, one for each question, as flat arrays: what a proof needs and nothing else."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.proof import Enclosures, Multipliers, Step, ball
from certify.solvers.two_layer.questions import Questions

_CHUNK_BYTES = 2**27


@dc.dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """N nodes in an order where parents come first.

    ``question``, ``parent`` (-1: a root), ``neuron`` (-1: the parent's region as it is) and ``side`` (1: t >= 0,
    0: t <= 0) are (N,) integers.
    """

    question: Tensor
    parent: Tensor
    neuron: Tensor
    side: Tensor
    multipliers: Multipliers

    @classmethod
    def empty(cls, neurons: int) -> "Forest":
        """No nodes: proves nothing."""
        none, numbers = torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.float64)
        return cls(
            none, none, none, none, Multipliers(numbers.reshape(0, neurons), numbers.reshape(0, neurons), numbers)
        )

    @classmethod
    def join(cls, parts: "list[Forest]") -> "Forest":
        """Several parts as one; their numbers count on from part to part already."""
        question, parent, neuron, side = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("question", "parent", "neuron", "side")
        )
        given = [part.multipliers for part in parts]
        slope, curvature = torch.cat([m.slope for m in given]), torch.cat([m.curvature for m in given])
        return cls(question, parent, neuron, side, Multipliers(slope, curvature, torch.cat([m.price for m in given])))

    def __len__(self) -> int:
        return len(self.question)

    @property
    def regions(self) -> Tensor:
        """The question of every root and of every half, (R,): of each region once, however often it was bounded."""
        return self.question[(self.parent < 0) | (self.neuron >= 0)]

    def proves(self, model: TwoLayer, asked: Questions, radius: Tensor) -> Tensor:
        """For each question (Q,) whether its tree proves ``f > 0`` on the closed ball of its ``radius`` (Q,)."""
        complete, proved = self._complete(), torch.zeros(len(radius), dtype=torch.bool)
        roots = torch.bincount(self.question[self.parent < 0], minlength=len(radius))
        failed = roots != 1
        level = (self.parent < 0).nonzero()[:, 0]
        level = level[(radius[self.question[level]] > 0) & ~failed[self.question[level]]]
        which = self.question[level]
        box = ball(model, asked.take(which), radius[which])
        while len(level):
            question = self.question[level]
            closed, tighter = self._advance(model, asked, (level, box), radius)
            alive = ~closed
            failed[question[alive & ~complete[level]]] = True
            level, box = self._children(level, alive & ~failed[question], tighter)
        proved[self.question[self.parent < 0]] = True
        return proved & ~failed & (radius > 0)

    def _advance(
        self, model: TwoLayer, asked: Questions, at: tuple[Tensor, Enclosures], radius: Tensor
    ) -> tuple[Tensor, Enclosures]:
        """Which of the nodes are proved empty, and the enclosures of all, in chunks that fit in memory."""
        level, box = at
        size = max(1, _CHUNK_BYTES // (64 * len(model.gram) ** 2 + 1))
        closed, lower, upper = [], [], []
        for part in torch.arange(len(level)).split(size):
            which = self.question[level[part]]
            enclosure = Enclosures(box.lower[part], box.upper[part])
            step = Step(model, asked.take(which), enclosure, self.multipliers.take(level[part]), radius[which])
            done = step.closed()
            tighter = enclosure if bool(done.all()) else step.tightened()
            closed.append(done)
            lower.append(tighter.lower)
            upper.append(tighter.upper)
        return torch.cat(closed), Enclosures(torch.cat(lower), torch.cat(upper))

    def _children(self, level: Tensor, alive: Tensor, box: Enclosures) -> tuple[Tensor, Enclosures]:
        """The children of the nodes that are still alive, with the enclosures that they start from."""
        place = torch.full((len(self) + 1,), -1)
        place[level[alive]] = alive.nonzero()[:, 0]
        above = place[self.parent]
        above[self.parent < 0] = -1
        kids = (above >= 0).nonzero()[:, 0]
        lower, upper = box.lower[above[kids]].clone(), box.upper[above[kids]].clone()
        split = (self.neuron[kids] >= 0).nonzero()[:, 0]
        at = (split, self.neuron[kids][split])
        positive = self.side[kids][split] == 1
        lower[at] = torch.where(positive, lower[at].clamp_min(0.0), lower[at])
        upper[at] = torch.where(positive, upper[at], upper[at].clamp_max(0.0))
        return kids, Enclosures(lower, upper)

    def _complete(self) -> Tensor:
        """Which nodes (N,) have children that cover them: one that is not split, or both signs of one neuron."""
        child = (self.parent >= 0).nonzero()[:, 0]
        child = child[self.question[child] == self.question[self.parent[child]]]
        above, neuron, side = self.parent[child], self.neuron[child], self.side[child]
        whole = torch.zeros(len(self), dtype=torch.bool)
        whole[above[neuron < 0]] = True
        counts = torch.zeros(len(self), 2, dtype=torch.int64)
        cut = (neuron >= 0) & (side >= 0) & (side <= 1)
        counts.index_put_((above[cut], side[cut]), torch.ones_like(side[cut]), accumulate=True)
        named = torch.full((len(self), 2), -1, dtype=torch.int64)
        named[above[cut], side[cut]] = neuron[cut]
        return whole | ((counts == 1).all(1) & (named[:, 0] == named[:, 1]))
