"""Moves from a centre as tensors: lengths, steepest directions, balls cut by a box, and nearest points of half-spaces.

A displacement is a tensor (..., n); the box ``low <= z <= high`` around it contains 0 and may be infinite.
"""

import torch
from torch import Tensor

from certify.region import Norm

_NEWTON_STEPS = 60
_FIRST_AXES = 64


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
    level = size.topk(int(used.max()), dim=-1).values.gather(-1, used[..., None] - 1)
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
    """The least t with ``sum_i weights_i min(t, caps_i) >= need``; infinite where there is none.

    Newton's method on a concave increasing function, from below: monotone, and exact once the full caps are known.
    """
    level = need / weights.sum(-1, keepdim=True).clamp_min(1e-30)
    for _ in range(_NEWTON_STEPS):
        full = caps <= level
        filled = torch.where(full, weights * caps, 0.0).sum(-1, keepdim=True)
        rest = torch.where(full, 0.0, weights).sum(-1, keepdim=True)
        raised = torch.where(rest > 0, (need - filled) / rest.clamp_min(1e-30), torch.inf)
        done = not (raised > level * (1 + 1e-6)).any()
        level = torch.maximum(level, raised)
        if done:
            break
    return level


def _greedy(slope: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """The fractional knapsack: fill the steepest axes first until ``sum slope * size`` is ``need``."""
    n = slope.shape[-1]
    for count in sorted({min(_FIRST_AXES, n), n}):
        steep, order = slope.topk(count, dim=-1)
        held = room.gather(-1, order)
        through = torch.where(steep > 0, steep * held, 0.0).cumsum(-1)
        if count < n and not (through[..., -1:] >= need).all():
            continue
        before = torch.cat([torch.zeros_like(need.expand_as(through[..., :1])), through[..., :-1]], dim=-1)
        size = torch.minimum((need - before).clamp_min(0.0) / steep.clamp_min(1e-30), held)
        return torch.zeros_like(slope).scatter(-1, order, torch.where(steep > 0, size, 0.0))
    raise AssertionError("the last count takes every axis")
