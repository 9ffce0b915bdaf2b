"""A minimum-norm attack: it follows the decision boundary from one linear piece of the network to the next."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from certify.attacks.base import AbstractAttack
from certify.attacks.batches import Batches
from certify.attacks.geometry import length, to_halfspace
from certify.attacks.gradient import GradientAttack
from certify.attacks.problem import Problem
from certify.attacks.segment import to_boundary
from certify.attacks.walk import Walk
from certify.deadline import Deadline
from certify.query import Queries

_RAY_SLOPES = (0.0, 0.3, 1.0, 0.1)
_RAY_LENGTHS = (1.02, 1.3, 2.0, 4.0, 10.0, 30.0)
_OTHERS_AT_ONCE = 64
_SPREAD = 4
"""How many attempts are held in memory at once for each that walks: trial points and remembered gradients."""


@dc.dataclass(frozen=True, slots=True)
class BoundaryAttack(AbstractAttack):
    """Walks along the boundary towards the centre, in the manner of FAB (croce2020b), with a memory for kinks.

    Starts: other inputs of the batch, rays along linearised margins of the network and of its leaky surrogates, and
    what a gradient attack finds. ``restarts`` attempts a question walk ``steps`` steps; after a quarter and after half
    of them only the shorter half goes on. Works at infinite radii.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    steps: int = 24
    restarts: int = 8
    name: str = "boundary"

    def propose(self, queries: Queries, *, seed: int, deadline: Deadline) -> Float64[np.ndarray, "b n"]:
        batches = Batches(queries, device=self.device, dtype=self.dtype, attempts=_SPREAD * self.restarts)

        def search(problem: Problem, _: np.ndarray, generator: torch.Generator) -> Tensor:
            z = self.begin(problem, generator=generator, deadline=deadline)
            return self.shorten(problem, z, generator=generator, deadline=deadline)

        return batches.gather(search, seed=seed, deadline=deadline)

    def begin(self, problem: Problem, *, generator: torch.Generator, deadline: Deadline) -> Tensor:
        """Displacements (s, b, n) to walk from, cheapest first; some may be no counterexamples, or NaN."""
        found = torch.cat([others(problem), rays(problem, self.restarts)])
        if deadline.passed:
            return found
        quick = GradientAttack(steps=12, restarts=max(3, self.restarts // 2))
        found = torch.cat([found, quick.spread(problem, generator=generator, deadline=deadline)])
        missing = (~(problem.smallest(found) <= 0).any(0)).nonzero()[:, 0]
        if not len(missing):
            return found
        thorough = GradientAttack(steps=60, restarts=8)
        more = torch.full_like(found[:1], torch.nan).repeat(thorough.restarts, 1, 1)
        more[:, missing] = thorough.spread(problem.take(missing), generator=generator, deadline=deadline)
        return torch.cat([found, more])

    def shorten(self, problem: Problem, z: Tensor, *, generator: torch.Generator, deadline: Deadline) -> Tensor:
        """The shortest counterexample (b, n) that walks from the counterexamples among ``z`` (s, b, n) reach."""
        z = shortest(problem, z, self.restarts)
        alive = z.isfinite().all(-1).any(0)
        if not alive.any():
            return z[0]
        walk = Walk(problem, torch.where(z.isfinite(), z, 0.0), generator)
        for step in range(self.steps):
            if deadline.passed:
                break
            if step in (self.steps // 4, self.steps // 2) and len(walk.lengths) > 1:
                walk.keep((len(walk.lengths) + 1) // 2)
            walk.advance()
        walk.keep(1)  # not evaluated again: in a batch of another shape the margin may round to the other side of 0
        return torch.where(alive[:, None], walk.z[0], torch.nan)


def shortest(problem: Problem, z: Tensor, attempts: int) -> Tensor:
    """The ``attempts`` shortest counterexamples (attempts, b, n) on the segments to ``z``; NaN where there are none.

    Where a question has fewer, its shortest is repeated.
    """
    drawn = to_boundary(problem, torch.where(z.isfinite(), z, 0.0), 10)
    size = torch.where(problem.smallest(drawn) <= 0, length(drawn, problem.norm), torch.inf)
    size, which = size.sort(0)
    which = torch.where(size.isfinite(), which, which[:1])[:attempts]
    chosen = drawn.gather(0, which[..., None].expand(*which.shape, z.shape[-1]))
    return torch.where(size[0].isfinite()[None, :, None], chosen, torch.nan)


def others(problem: Problem) -> Tensor:
    """The way (1, b, n) to the nearest centre of the batch that is a counterexample for the question, or NaN."""
    with torch.no_grad():
        outputs = problem.network.forward(problem.centres)
    far = torch.cdist(problem.centres, problem.centres, p=problem.norm.value)
    for k in range(0, len(problem), _OTHERS_AT_ONCE):
        block = outputs[k : k + _OTHERS_AT_ONCE]
        margins = (torch.einsum("brm,jm->bjr", problem.rows, block) + problem.offsets[:, None]).amin(-1)
        far[:, k : k + _OTHERS_AT_ONCE][margins > 0] = torch.inf
    reach, which = far.min(1)
    way = problem.boxed(problem.centres[which] - problem.centres)
    return torch.where(reach.isfinite()[:, None], way, torch.nan)[None]


def rays(problem: Problem, attempts: int) -> Tensor:
    """Counterexamples (attempts, b, n) on rays to linearised boundaries, of real and leaky networks; NaN where none."""
    aims = problem.aims(attempts)
    zero = torch.zeros_like(problem.centres)[None]
    found: list[Tensor] = []
    for k in range(attempts):
        value, g = problem.gradient(zero, aims[k : k + 1], slope=_RAY_SLOPES[k % len(_RAY_SLOPES)])
        best = torch.full_like(zero, torch.nan)
        for factor in _RAY_LENGTHS:
            z = to_halfspace(g, factor * value.clamp_min(1e-30), problem.low, problem.high, problem.norm)
            z = z.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
            first = best.isnan().any(-1) & (problem.smallest(z) <= 0)
            best = torch.where(first[..., None], z, best)
        found.append(best)
    return torch.cat(found)
