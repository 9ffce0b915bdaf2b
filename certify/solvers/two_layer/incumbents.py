"""The nearest counterexamples that the search knows: projections onto convex pieces of ``{f <= 0}``."""

import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.two_layer.ascent import Goal
from certify.solvers.two_layer.projection import project_all
from certify.solvers.two_layer.units import Units

_ROUNDS = 3
_WIDER = 8.0
_NEAR = 1e-3
_GAP = 1e-13
"""What a projection may miss of its squared distance."""

_BATCH_BYTES = 2**26

_INSET = 1e-10
"""How far inside a piece to aim, in radii: rounding must not put a projection outside, even if f is 0 all around."""


class Incumbents:
    """For each of B inputs the smallest ``radius`` at which some margin is known to fail, and where.

    ``{f <= 0}`` is the union, over the sets A of concave-side neurons, of the convex sets on which f <= 0 still holds
    when A counts as active and the others as dead. Projecting on one and reading A off the result never moves away.
    ``gap`` is the relative precision of a projection. A piece is tried once for each power of two that the radius falls
    below, for projections are precise relative to it; pieces are told apart by 64-bit sums of random marks.
    """

    def __init__(self, units: Units, owner: Tensor, limit: Tensor, *, gap: float, deadline: Deadline) -> None:
        self._units, self._owner = units, owner.to(units.device)
        self._gap, self._deadline = gap, deadline
        self.radius = limit.clone()
        self.found = torch.zeros_like(limit, dtype=torch.bool)
        self.question = torch.full_like(limit, -1, dtype=torch.int64)
        self.direction = torch.zeros(len(limit), len(units.gram), dtype=limit.dtype, device=limit.device)
        drawn = torch.Generator().manual_seed(0)
        self._marks = torch.randint(-(2**62), 2**62, (len(units.gram) + 2,), generator=drawn).to(limit.device)
        self._tried = torch.zeros(0, dtype=torch.int64, device=limit.device)

    def begin(self) -> None:
        """Finds first counterexamples at about the distance where the most promising linearisation fails, or further.

        Projections are precise relative to the radius, so far ones come last. The radius of an input for which nothing
        is found is its limit again.
        """
        question, guess = self._units.nearest(self._owner, len(self.radius))
        limit = self.radius.clone()
        far = self._units.start[question].abs().amax(1)
        reach = 2 * torch.minimum(guess, far.clamp_min(1e-9 * limit))
        while bool((open_ := ~self.found & (reach < _WIDER * limit)).any()) and not self._deadline.passed:
            self.radius = torch.where(open_, torch.minimum(reach, limit), self.radius)
            mine = open_.nonzero()[:, 0]
            self.project(question[mine], torch.ones_like(self._units.start[question[mine]], dtype=torch.bool))
            missing = (open_ & ~self.found)[self._owner].nonzero()[:, 0]
            start = self._units.start[missing]
            active = torch.cat([torch.ones_like(start, dtype=torch.bool), start > 0, torch.zeros_like(start) > 0])
            self.project(missing.repeat(3), active)
            self.touch(missing.repeat(3), active)
            reach = reach * _WIDER
        self.radius = torch.where(self.found, self.radius, limit)

    def offer(self, question: Tensor, direction: Tensor) -> Tensor:
        """Takes in points ``W^T direction``; which of them (B,) are counterexamples."""
        length = (direction * (direction @ self._units.gram)).sum(1).clamp_min(0.0).sqrt()
        broken = self._units.broken(question, direction) & torch.isfinite(length)
        owner = self._owner[question]
        masked, count = torch.where(broken, length, torch.inf), torch.arange(len(owner), device=owner.device)
        shortest = torch.full_like(self.radius, torch.inf).scatter_reduce(0, owner, masked, "amin")
        first = torch.full_like(self.question, len(owner))
        first.scatter_reduce_(0, owner, torch.where(masked == shortest[owner], count, len(owner)), "amin")
        mine = (shortest < self.radius).nonzero()[:, 0]
        chosen = first[mine]
        self.radius[mine], self.found[mine] = length[chosen], True
        self.question[mine], self.direction[mine] = question[chosen], direction[chosen]
        return broken

    def project(self, question: Tensor, active: Tensor) -> None:
        """Projects on the pieces ``active`` (B, G), then on those that the results lie in, a few times."""
        size = max(1, _BATCH_BYTES // (8 * len(self._units.gram) ** 2))
        for part in torch.arange(len(question), device=question.device).split(size):
            self._descend(question[part], active[part])

    def touch(self, question: Tensor, active: Tensor) -> None:
        """Projects on pieces that may have no interior, then on the kinks that the results all but lie on."""
        size = max(1, _BATCH_BYTES // (8 * len(self._units.gram) ** 2))
        for part in torch.arange(len(question), device=question.device).split(size) if len(question) else ():
            mine = question[part]
            _, _, t = self._once(mine, active[part], 0.0)
            near = (t.abs() <= _NEAR * (t - self._units.start[mine]).abs().amax(1, keepdim=True)).double()
            system = near[:, :, None] * self._units.gram * near[:, None, :]
            wanted = (near * self._units.start[mine])[:, :, None]
            self.offer(mine, -(torch.linalg.pinv(system, hermitian=True, rtol=1e-10) @ wanted)[:, :, 0])

    def _descend(self, question: Tensor, active: Tensor) -> None:
        for _ in range(_ROUNDS):
            question, active = self._untried(question, active)
            if not len(question):
                return
            reached, broken, t = self._once(question, active, _INSET)
            again = (reached & ~broken).nonzero()[:, 0]
            if len(again):
                self._once(question[again], active[again], 10 * self._gap + _INSET)
            after = t > 0
            changed = reached & ((after != active) & (self._units.weight[question] < 0)).any(1)
            question, active = question[changed], after[changed]

    def _untried(self, question: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """The pieces that were not projected on before with a radius of the same size, each once."""
        pieces = torch.where(active & (self._units.weight[question] < 0), self._marks[2:], 0).sum(1)
        _, size = torch.frexp(self.radius[self._owner[question]])
        pieces += question * self._marks[0] + size * self._marks[1]
        fresh, place = pieces.unique(return_inverse=True)
        first = torch.full_like(fresh, len(pieces))
        first.scatter_reduce_(0, place, torch.arange(len(pieces), device=place.device), "amin")
        new = ~torch.isin(fresh, self._tried)
        self._tried, first = torch.cat([self._tried, fresh[new]]), first[new]
        return question[first], active[first]

    def _once(self, question: Tensor, active: Tensor, inset: float) -> tuple[Tensor, Tensor, Tensor]:
        """Which pieces come nearer than the incumbent, where their projections are counterexamples, and t there."""
        radius = self.radius[self._owner[question]]
        nodes = self._units.projections(question, active, radius, inset)
        enough = torch.full_like(radius, 0.5)
        point = project_all(
            nodes, Goal(enough, torch.full_like(radius, _GAP), torch.zeros_like(radius), self._deadline)
        )
        direction = point.direction * radius[:, None]
        reached = point.value < enough
        broken = self.offer(question, torch.where(reached[:, None], direction, torch.nan))
        return reached, broken, self._units.start[question] + direction @ self._units.gram
