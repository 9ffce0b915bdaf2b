"""Projected gradient descent on the margin inside l1, l2 and linf balls cut by the domain."""

import dataclasses as dc
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from certify.attacks.base import AbstractAttack
from certify.attacks.batches import Batches
from certify.attacks.geometry import dual_length, into_ball, length, steepest
from certify.attacks.problem import Problem
from certify.attacks.segment import to_boundary
from certify.deadline import Deadline
from certify.query import Queries

SLOPES = (0.0, 0.3, 0.0, 1.0, 0.1)
"""Slopes of the leaky ReLUs that the attempts start with, in turn: dead ReLUs have no gradient of their own."""

_SHARES = (0.05, 0.01, 0.2, 0.003)
_MOMENTUM = 0.25
_GROWTHS = 12


@dc.dataclass(frozen=True, slots=True)
class GradientAttack(AbstractAttack):
    """Descends the margin inside the ball with momentum, from several starts, as in APGD (croce2020, Section 3).

    ``restarts`` attempts a question: from the centre (if ``centred``), along surrogate gradients, and from random
    points; each aims at the smallest margin or at one row. The step size is halved, and the best point taken up again,
    when progress stalls. For an infinite radius the ball starts at the linearised distance and doubles until broken.
    In a ``verdict`` any counterexample will do: the first one ends the descent, and is not drawn back to the boundary.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    steps: int = 40
    restarts: int = 6
    centred: bool = True
    verdict: bool = False
    name: str = "gradient"

    def propose(self, queries: Queries, *, seed: int, deadline: Deadline) -> Float64[np.ndarray, "b n"]:
        batches = Batches(queries, device=self.device, dtype=self.dtype, attempts=self.restarts)

        def search(problem: Problem, _: np.ndarray, generator: torch.Generator) -> Tensor:
            return self.nearest(problem, generator=generator, deadline=deadline)

        return batches.gather(search, seed=seed, deadline=deadline)

    def nearest(self, problem: Problem, *, generator: torch.Generator, deadline: Deadline) -> Tensor:
        """The shortest counterexample (b, n) found for each question; NaN where none was."""
        z = self.spread(problem, generator=generator, deadline=deadline)
        return nearest_of(problem, z if self.verdict else to_boundary(problem, z, 12))

    def spread(self, problem: Problem, *, generator: torch.Generator, deadline: Deadline) -> Tensor:
        """What each attempt (restarts, b, n) met at the first radius that was broken, or at the last one."""
        best = torch.zeros_like(problem.centres).repeat(self.restarts, 1, 1)
        open_ = torch.arange(len(problem), device=best.device)
        for radii in _growing(problem):
            if not len(open_) or deadline.passed:
                break
            part = problem.take(open_)
            z = self.descend(part, radii[open_], generator=generator, deadline=deadline)
            best[:, open_] = z
            open_ = open_[~(part.smallest(z) <= 0).any(0)]
        return best

    def descend(self, problem: Problem, radii: Tensor, *, generator: torch.Generator, deadline: Deadline) -> Tensor:
        """Displacements (restarts, b, n) in the balls of ``radii``, each the one with the smallest margin it met."""
        aim = problem.aims(self.restarts)
        start = starts(problem, radii, aim, generator=generator)
        if self.centred:
            start[0] = 0.0
        run = _Descent(problem, radii, aim, start)
        for step in range(self.steps):
            if deadline.passed or (self.verdict and run.broken):
                break
            run.advance(step / self.steps)
        return run.best


def nearest_of(problem: Problem, z: Tensor) -> Tensor:
    """Per question the shortest counterexample (b, n) among the attempts ``z`` (s, b, n); NaN where there is none."""
    size = torch.where(problem.smallest(z) <= 0, length(z, problem.norm), torch.inf)
    shortest, which = size.min(0)
    chosen = z.gather(0, which[None, :, None].expand(1, *z.shape[1:]))[0]
    return torch.where(shortest.isfinite()[:, None], chosen, torch.nan)


def starts(problem: Problem, radii: Tensor, aim: Tensor, *, generator: torch.Generator) -> Tensor:
    """Where attempts (s, b, n) begin: random points of the ball, in turn with its edge along surrogate gradients."""
    zero = torch.zeros_like(problem.centres)[None]
    begin: list[Tensor] = []
    for k in range(len(aim)):
        slope = SLOPES[k % len(SLOPES)]
        share = torch.full_like(radii, _SHARES[k % len(_SHARES)])[None]
        if slope:
            _, g = problem.gradient(zero, aim[k : k + 1], slope=slope)
            move = -steepest(g, problem.norm, share)
        else:
            noise = torch.randn(zero.shape, generator=generator, device=zero.device, dtype=zero.dtype)
            move = steepest(noise, problem.norm, share) * (0.5 if k % 4 else 1.0)
        begin.append(into_ball(problem.boxed(radii[:, None] * move), radii[None], problem.norm))
    return torch.cat(begin)


def _growing(problem: Problem) -> Iterator[Tensor]:
    """The radii to try: the questions' own where finite, else doubling from the linearised distance."""
    finite = problem.radii.isfinite()
    if bool(finite.all()):
        yield problem.radii
        return
    zero = torch.zeros_like(problem.centres)[None]
    nearest = problem.aims(1)
    value, g = problem.gradient(zero, nearest)
    _, leaky = problem.gradient(zero, nearest, slope=0.3)
    slope = torch.maximum(dual_length(g, problem.norm), dual_length(leaky, problem.norm))[0]
    guess = (1.2 * value[0] / slope.clamp_min(1e-30)).clamp(1e-6, 1e12)
    for _ in range(1 + _GROWTHS):
        yield torch.where(finite, problem.radii, guess)
        guess = guess * 2


class _Descent:
    """The state of one run: points, step sizes and the best point of each attempt."""

    def __init__(self, problem: Problem, radii: Tensor, aim: Tensor, start: Tensor) -> None:
        self._problem, self._radii, self._aim = problem, radii[None], aim
        self._z = self._before = self.best = start
        self._size = radii[None].expand_as(aim) * 0.5
        self._aimed = torch.full_like(start[..., 0], torch.inf)
        self._stalled = torch.zeros_like(aim)
        shares = torch.tensor(_SHARES, dtype=start.dtype, device=start.device)
        self._share = shares[torch.arange(len(aim), device=start.device) % len(_SHARES)][:, None].expand_as(aim)

    @property
    def broken(self) -> bool:
        """Whether every question has an attempt that met a counterexample."""
        return bool((self._aimed <= 0).any(0).all())

    def advance(self, progress: float) -> None:
        """One step; ``progress`` in [0, 1) is the share of steps made."""
        value, g = self._problem.gradient(self._z, self._aim)
        better = value < self._aimed
        self._aimed = torch.where(better, value, self._aimed)
        self.best = torch.where(better[..., None], self._z, self.best)
        self._stalled = torch.where(better, 0, self._stalled + 1)
        tired = self._stalled >= (5 if progress < 0.5 else 3)
        self._size = torch.where(tired, self._size / 2, self._size)
        self._stalled = torch.where(tired, 0, self._stalled)
        self._z = torch.where(tired[..., None], self.best, self._z)
        self._before = torch.where(tired[..., None], self.best, self._before)
        move = self._inside(self._z - self._size[..., None] * steepest(g, self._problem.norm, self._share))
        drift = (1 - _MOMENTUM) * (move - self._z) + _MOMENTUM * (self._z - self._before)
        self._before, self._z = self._z, self._inside(self._z + drift)

    def _inside(self, z: Tensor) -> Tensor:
        return into_ball(self._problem.boxed(z), self._radii.expand_as(self._aim), self._problem.norm)
