"""Back from a counterexample along its segment to the boundary, batched."""

import torch
from torch import Tensor

from certify.attacks.problem import Problem

_OVERSHOOT = 2e-3


def to_boundary(problem: Problem, z: Tensor, rounds: int) -> Tensor:
    """Displacements (s, b, n) on the segments from 0 to ``z`` that are still counterexamples, near the boundary.

    Regula falsi (exact once both ends lie in one linear piece) alternates with halving, ``rounds`` evaluations in all.
    A ``z`` whose margin is positive comes back unchanged.
    """
    low, high = torch.zeros_like(z[..., 0]), torch.ones_like(z[..., 0])
    inside = problem.smallest(torch.zeros_like(z[:1])).expand_as(low)
    outside = problem.smallest(z)
    broken = outside <= 0
    for k in range(rounds):
        share = (inside / (inside - outside).clamp_min(1e-30)).clamp(0.0, 1.0)
        share = (share + _OVERSHOOT * 0.5**k).clamp_max(0.999) if k % 3 != 2 else torch.full_like(share, 0.5)
        middle = low + share * (high - low)
        value = problem.smallest(middle[..., None] * z)
        hit = value <= 0
        low, inside = torch.where(hit, low, middle), torch.where(hit, inside, value)
        high, outside = torch.where(hit, middle, high), torch.where(hit, value, outside)
    step = torch.where(inside.isfinite() & broken, high, torch.ones_like(high))
    return step[..., None] * z
