"""A walk along the decision boundary towards the centre: each step strictly shortens a counterexample."""

import torch
from torch import Tensor

from certify.attacks.cuts import Cuts
from certify.attacks.geometry import length, to_halfspace
from certify.attacks.problem import NEAREST, Problem
from certify.attacks.segment import to_boundary

_ARCS = (1.0, 0.4, 0.1, 0.02)
_SURROGATES = (0.1, 0.5)
_MEMORY = 5
_BACK = 5


class Walk:
    """Attempts ``z`` (s, b, n), counterexamples near the boundary, and how ambitiously each is being shortened.

    A step linearises the margin at ``z`` (the real network's, a leaky one's, and mixtures of what the walk has seen),
    takes the point of each half-space nearest to the centre, and looks along the arcs from ``z`` towards these points
    at slightly shorter length; the deepest counterexample there is drawn back to the boundary. Lengths never grow.
    """

    def __init__(self, problem: Problem, z: Tensor, generator: torch.Generator) -> None:
        self._problem, self._generator = problem, generator
        self.z = z
        self._length = length(z, problem.norm)
        self._gain = torch.full_like(self._length, 0.03)
        self._cuts = Cuts(_MEMORY)
        self._count = 0

    @property
    def lengths(self) -> Tensor:
        """The length (s, b) of each attempt."""
        return self._length

    def advance(self) -> None:
        """One step of every attempt."""
        goals = self._goals()
        target = self._length * (1 - self._gain)
        best, depth = self.z, torch.full_like(target, torch.inf)
        for goal in goals:
            for arc in _ARCS:
                trial = self._at_length(torch.lerp(self.z, self._at_length(goal, self._length), arc), target)
                value = self._problem.smallest(trial)
                deeper = value < depth
                best, depth = torch.where(deeper[..., None], trial, best), torch.where(deeper, value, depth)
        self._accept(best, depth)
        self._count += 1

    def keep(self, attempts: int) -> None:
        """Keep the shortest ``attempts`` of each question."""
        which = self._length.argsort(0)[:attempts]
        self.z = self.z.gather(0, which[..., None].expand(*which.shape, self.z.shape[-1]))
        self._length, self._gain = self._length.gather(0, which), self._gain.gather(0, which)
        self._cuts.keep(which)

    def _accept(self, trial: Tensor, depth: Tensor) -> None:
        hit = depth <= 0
        drawn = to_boundary(self._problem, torch.where(hit[..., None], trial, self.z), _BACK)
        size = length(drawn, self._problem.norm)
        shorter = size < self._length
        gained = 1 - size / self._length.clamp_min(1e-30)
        self.z = torch.where(shorter[..., None], drawn, self.z)
        self._length = torch.where(shorter, size, self._length)
        self._gain = torch.where(hit, torch.maximum(self._gain, 0.3 * gained), self._gain * 0.3).clamp(1e-6, 0.2)

    def _goals(self) -> list[Tensor]:
        """Points of half-spaces nearest to the centre; the last one's half-space differs from step to step."""
        nearest = torch.full(self._length.shape, NEAREST, device=self.z.device)
        value, g = self._problem.gradient(self.z, nearest)
        h = value - (g * self.z).sum(-1)
        self._cuts.add(g, h)
        goals = [self._nearest_point(g, h)]
        if self._count:
            goals.append(self._nearest_point(*self._cuts.tightest(self._problem.norm)))
        if self._count % 2:
            return [*goals, self._nearest_point(*self._cuts.mixed(self._generator))]
        slope = _SURROGATES[self._count // 2 % len(_SURROGATES)]
        value, g = self._problem.gradient(self.z, nearest, slope=slope)
        return [*goals, self._nearest_point(g, value - (g * self.z).sum(-1))]

    def _nearest_point(self, g: Tensor, h: Tensor) -> Tensor:
        """Of a half-space that already holds the centre only the direction is used."""
        least = 1e-3 * self._length * torch.linalg.vector_norm(g, dim=-1) + 1e-30
        return to_halfspace(g, torch.maximum(h, least), self._problem.low, self._problem.high, self._problem.norm)

    def _at_length(self, z: Tensor, target: Tensor) -> Tensor:
        """``z`` scaled to a length, in the domain."""
        size = length(z, self._problem.norm).clamp_min(1e-30)
        return self._problem.boxed(z * (target / size)[..., None])
