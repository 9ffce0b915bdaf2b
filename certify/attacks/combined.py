"""The default attack: everything we have, cheapest first, and the nearest point of all."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from certify.attacks.base import AbstractAttack
from certify.attacks.batches import Batches
from certify.attacks.boundary import BoundaryAttack, rays
from certify.attacks.geometry import length
from certify.attacks.gradient import GradientAttack
from certify.attacks.problem import Problem
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.query import Queries

_WALKS = {1: (10, 5, 0), 2: (24, 10, 1), 3: (48, 20, 4)}
"""Per effort: steps of a walk, walks a question, and rounds of fresh starts inside the radius reached."""

_INSIDE = 0.98
_REFINING = BoundaryAttack(steps=8, restarts=3)
_SPREAD = 4


@dc.dataclass(frozen=True, slots=True)
class StrongestAttack(AbstractAttack):
    """Gradient descent to break the ball, walks along the boundary to shorten, fresh starts inside, a float64 finish.

    ``effort``: 1 quick, 2 usual, 3 thorough. The search runs in ``dtype``; the finish repeats the last walk in float64,
    from the nearest point found, which matters where the margin is small against the rounding of ``dtype``.

    Raises:
        InvalidInput: an effort that is not 1, 2 or 3.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    effort: int = 2
    name: str = "strongest"

    def __post_init__(self) -> None:
        if self.effort not in _WALKS:
            raise InvalidInput(f"The effort of an attack is 1 (quick), 2 or 3 (thorough), got {self.effort}.")

    def propose(self, queries: Queries, *, seed: int, deadline: Deadline) -> Float64[np.ndarray, "b n"]:
        steps, restarts, rounds = _WALKS[self.effort]
        walk = BoundaryAttack(steps=steps, restarts=restarts)

        def search(problem: Problem, _: np.ndarray, generator: torch.Generator) -> Tensor:
            z = walk.begin(problem, generator=generator, deadline=deadline)
            best = walk.shorten(problem, z, generator=generator, deadline=deadline)
            for _round in range(rounds):
                if not deadline.passed:
                    best = _inside(problem, best, walk, generator=generator, deadline=deadline)
            return best

        batches = Batches(queries, device=self.device, dtype=self.dtype, attempts=_SPREAD * restarts)
        points = batches.gather(search, seed=seed, deadline=deadline)
        return points if deadline.passed else self._refined(queries, points, seed=seed, deadline=deadline)

    def _refined(self, queries: Queries, points: np.ndarray, *, seed: int, deadline: Deadline) -> np.ndarray:
        """The points after a short walk in float64; those that it did not improve stay."""

        def search(problem: Problem, index: np.ndarray, generator: torch.Generator) -> Tensor:
            z = torch.as_tensor(points[index], device=problem.centres.device) - problem.centres
            begin = torch.cat([torch.stack([z, 1.0001 * z, 1.05 * z]), rays(problem, 2)])
            found = _REFINING.shorten(problem, begin, generator=generator, deadline=deadline)
            shorter = length(found, problem.norm) < 1.001 * length(z, problem.norm).nan_to_num(nan=torch.inf)
            return torch.where(shorter[:, None], found, z)

        batches = Batches(queries, device=self.device, dtype=torch.float64, attempts=_SPREAD * _REFINING.restarts)
        refined = batches.gather(search, seed=seed, deadline=deadline)
        return np.where(np.isfinite(refined), refined, points)


def _inside(
    problem: Problem, best: Tensor, walk: BoundaryAttack, *, generator: torch.Generator, deadline: Deadline
) -> Tensor:
    """``best`` (b, n), improved where fresh starts broke a ball slightly smaller than its length."""
    radii = _INSIDE * length(best, problem.norm)
    known = (radii > 0).nonzero()[:, 0]
    if not len(known):
        return best
    part = problem.take(known)
    fresh = GradientAttack(steps=20, restarts=walk.restarts, centred=False)
    z = fresh.descend(part, radii[known], generator=generator, deadline=deadline)
    hit = (part.smallest(z) <= 0).any(0).nonzero()[:, 0]
    if not len(hit) or deadline.passed:
        return best
    broken = known[hit]
    found = walk.shorten(
        part.take(hit), torch.cat([z[:, hit], best[None, broken]]), generator=generator, deadline=deadline
    )
    best = best.clone()
    best[broken] = found
    return best
