"""Moves from a centre as tensors: lengths, steepest directions, balls cut by a box, and nearest points of half-spaces.

A displacement is a tensor (..., n); the box ``low <= z <= high`` around it contains 0 and may be infinite.
"""

import torch
from torch import Tensor

from certify.region import Norm


def length(z: Tensor, norm: Norm) -> Tensor:
    """``||z||_p`` over the last axis."""
    return torch.linalg.vector_norm(z, ord=norm.value, dim=-1)


def dual_length(g: Tensor, norm: Norm) -> Tensor:
    """The dual norm ``max {g . z : ||z||_p <= 1}`` over the last axis."""
    dual = {Norm.L1: Norm.LINF, Norm.L2: Norm.L2, Norm.LINF: Norm.L1}[norm]
    return length(g, dual)


def into_ball(z: Tensor, radius: Tensor, norm: Norm) -> Tensor:
    """A point of the ball near ``z``: shrunk towards 0 in every coordinate, so it stays in any box around 0.

    The nearest point in l2, and coordinate by coordinate for linf and l1. ``radius`` is (...,), positive.
    """
    if norm is Norm.LINF:
        return torch.clamp(z, -radius[..., None], radius[..., None])
    if norm is Norm.L2:
        return z * (radius / length(z, norm).clamp_min(1e-30)).clamp_max(1.0)[..., None]
    return _into_l1_ball(z, radius)


def _into_l1_ball(z: Tensor, radius: Tensor) -> Tensor:
    """Soft thresholding at the level where the l1 norm is ``radius``."""
    falling = z.abs().sort(dim=-1, descending=True).values
    ranks = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    levels = (falling.cumsum(-1) - radius[..., None]) / ranks
    used = (falling > levels).sum(-1, keepdim=True).clamp_min(1)
    level = levels.gather(-1, used - 1).clamp_min(0.0)
    return torch.sign(z) * (z.abs() - level).clamp_min(0.0)


def steepest(g: Tensor, norm: Norm, share: Tensor) -> Tensor:
    """A unit vector of the norm along which ``g . z`` grows fastest; in l1 over a ``share`` (...,) of the axes."""
    if norm is Norm.LINF:
        return torch.sign(g)
    if norm is Norm.L2:
        return g / length(g, norm).clamp_min(1e-30)[..., None]
    n = g.shape[-1]
    size = g.abs()
    used = (share * n).round().long().clamp(1, n)
    level = size.sort(dim=-1, descending=True).values.gather(-1, used[..., None] - 1)
    chosen = torch.sign(g) * (size >= level)
    return chosen / chosen.abs().sum(-1, keepdim=True).clamp_min(1.0)


def to_halfspace(g: Tensor, offset: Tensor, low: Tensor, high: Tensor, norm: Norm) -> Tensor:
    """The shortest z in the box with ``g . z + offset <= 0``, exactly; the deepest z there when there is none.

    ``g`` is (..., n), ``offset`` (...,) > 0; ``low``, ``high`` broadcast against ``g``.
    """
    scale = g.abs().amax(-1, keepdim=True).clamp_min(1e-30)
    slope, need = (g / scale).abs(), (offset / scale[..., 0])[..., None]
    room = torch.where(g > 0, -low, high).expand_as(g)
    room = torch.where(slope > 0, room, torch.zeros_like(room))
    if norm is Norm.L1:
        size = _greedy(slope, room, need)
    elif norm is Norm.LINF:
        size = torch.minimum(_level(slope, room, need).expand_as(room), room)
    else:
        caps = torch.where(slope > 0, room / slope.clamp_min(1e-30), torch.zeros_like(room))
        level = _level(slope * slope, caps, need)
        size = torch.where(slope > 0, torch.minimum(level * slope.clamp_min(1e-30), room), torch.zeros_like(room))
    return -torch.sign(g) * size


def _level(weights: Tensor, caps: Tensor, need: Tensor) -> Tensor:
    """The least t with ``sum_i weights_i min(t, caps_i) >= need``; infinite when there is none."""
    caps, order = caps.sort(dim=-1)
    weights = weights.gather(-1, order)
    filled = (weights * caps).nan_to_num(nan=0.0, posinf=torch.inf).cumsum(-1).roll(1, -1)
    filled[..., 0] = 0.0
    rest = weights.flip(-1).cumsum(-1).flip(-1)
    enough = (filled + (caps * rest).nan_to_num(nan=0.0, posinf=torch.inf)) >= need
    first = enough.to(torch.int8).argmax(-1, keepdim=True)
    level = (need - filled.gather(-1, first)) / rest.gather(-1, first).clamp_min(1e-30)
    return torch.where(enough.any(-1, keepdim=True), level, torch.inf)


def _greedy(slope: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """The fractional knapsack: fill the steepest axes first until ``sum slope * size`` is ``need``."""
    slope, order = slope.sort(dim=-1, descending=True)
    room = room.gather(-1, order)
    filled = (slope * room).nan_to_num(nan=0.0, posinf=torch.inf).cumsum(-1).roll(1, -1)
    filled[..., 0] = 0.0
    size = torch.minimum((need - filled).clamp_min(0.0) / slope.clamp_min(1e-30), room)
    return torch.zeros_like(size).scatter(-1, order, size)
