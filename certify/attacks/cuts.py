"""Linearised margins remembered along a walk, and the half-space that combines them.

At a kink of the boundary no single gradient points to the nearest point, but a convex combination of gradients does.
"""

import torch
from torch import Tensor

from certify.attacks.geometry import dual_length, steepest
from certify.region import Norm

_SWEEPS = 12


class Cuts:
    """The last few linearisations ``g . z + h <= 0`` of each attempt: ``g`` (k, s, b, n), ``h`` (k, s, b)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._g: list[Tensor] = []
        self._h: list[Tensor] = []

    def add(self, g: Tensor, h: Tensor) -> None:
        """Remember one cut an attempt, scaled to a gradient of length 1; the oldest is forgotten."""
        size = torch.linalg.vector_norm(g, dim=-1).clamp_min(1e-30)
        self._g = [*self._g, g / size[..., None]][-self._capacity :]
        self._h = [*self._h, h / size][-self._capacity :]

    def keep(self, which: Tensor) -> None:
        """Keep the attempts ``which`` (k, b) of each question."""
        self._g = [g.gather(0, which[..., None].expand(*which.shape, g.shape[-1])) for g in self._g]
        self._h = [h.gather(0, which) for h in self._h]

    def mixed(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A random convex combination of the cuts, as one cut."""
        h = torch.stack(self._h)
        weights = torch.rand(h.shape, generator=generator, dtype=h.dtype, device=h.device).pow(3) + 1e-3
        return self._combined(weights / weights.sum(0))

    def tightest(self, norm: Norm) -> tuple[Tensor, Tensor]:
        """The convex combination whose half-space is farthest from the centre (up to convergence, without the box)."""
        weights = self._l2_weights() if norm is Norm.L2 else self._dual_weights(norm)
        return self._combined(weights)

    def _combined(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        g = sum((w[..., None] * g for w, g in zip(weights, self._g, strict=True)), torch.zeros_like(self._g[0]))
        return g, (weights * torch.stack(self._h)).sum(0)

    def _l2_weights(self) -> Tensor:
        """Coordinate ascent on ``max weights . h - |weights g|^2 / 2``, the dual of the projection."""
        gram = torch.stack([torch.stack([(a * b).sum(-1) for b in self._g]) for a in self._g])
        h = torch.stack(self._h)
        weights = torch.zeros_like(h)
        for _ in range(_SWEEPS):
            for k in reversed(range(len(h))):
                slack = h[k] - (gram[k] * weights).sum(0)
                weights[k] = (weights[k] + slack / gram[k, k].clamp_min(1e-30)).clamp_min(0.0)
        total = weights.sum(0)
        newest = torch.zeros_like(weights)
        newest[-1] = 1.0
        return torch.where(total > 0, weights / total.clamp_min(1e-30), newest)

    def _dual_weights(self, norm: Norm) -> Tensor:
        """Multiplicative weights: the cuts that the combined half-space's nearest point violates gain."""
        h = torch.stack(self._h)
        weights = torch.full_like(h, 1 / len(h))
        for k in range(_SWEEPS):
            g, offset = self._combined(weights)
            size = dual_length(g, norm).clamp_min(1e-30)
            z = -steepest(g, norm, torch.zeros_like(size)) * (offset / size)[..., None]
            violation = torch.stack([(part * z).sum(-1) for part in self._g]) + h
            scale = violation.abs().amax(0).clamp_min(1e-30)
            weights = weights * torch.exp(2.0 / (1 + k) ** 0.5 * violation / scale)
            weights = weights / weights.sum(0)
        return weights
