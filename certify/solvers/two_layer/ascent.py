"""Maximises the bounds of many nodes at once: what starts, what stops, and which way up."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.two_layer.barrier import BarrierClimb
from certify.solvers.two_layer.dual import Nodes, Point, evaluate
from certify.solvers.two_layer.interior import InteriorClimb
from certify.solvers.two_layer.listed import Listed

_MOST_STEPS = 90


@dc.dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """When to stop, for B nodes: at D >= ``enough``, or when at most ``gap`` is missing of the maximum.

    ``hopeless`` is the share of the way from D to ``enough`` that may be missing when a node will be split anyway.
    After the deadline every node stops where it is.
    """

    enough: Tensor
    gap: Tensor
    hopeless: Tensor
    deadline: Deadline

    def take(self, index: Tensor) -> "Goal":
        """The goals at ``index``."""
        return Goal(self.enough[index], self.gap[index], self.hopeless[index], self.deadline)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Hint:
    """Multipliers ``mu`` (B,), 0 for none, and ``x`` (B, G) that were good for regions that hold these."""

    mu: Tensor
    x: Tensor


def maximise(nodes: Nodes, goal: Goal, hint: Hint | None = None) -> Point:
    """Multipliers near the maximum of each node's D: each is a valid bound, whatever its distance from the maximum."""
    mu, x = _start(nodes)
    if not len(mu):
        return evaluate(nodes, mu, x)
    climb = _climb(nodes, goal, (mu, x), hint)
    index = torch.arange(len(mu), device=mu.device)
    for _ in range(_MOST_STEPS):
        way = goal.enough - climb.spot.value
        done = (way <= 0) | (climb.missing <= torch.maximum(goal.gap, goal.hopeless * way))
        if bool(done.any()):
            mu, x = _put(mu, x, index, climb)
            open_ = (~done).nonzero()[:, 0]
            if not len(open_):
                return evaluate(nodes, mu, x)
            index, goal, climb = index[open_], goal.take(open_), climb.take(open_)
        if goal.deadline.passed:
            break
        climb.step(goal.gap)
    return evaluate(nodes, *_put(mu, x, index, climb))


def _climb(nodes: Nodes, goal: Goal, start: tuple[Tensor, Tensor], hint: Hint | None) -> BarrierClimb | InteriorClimb:
    """The nodes where they begin: at the hint if there is one and the quadratic is convex there, else at the start."""
    listed, (mu, x) = Listed.of(nodes), start
    x = x.gather(1, listed.at)
    if not nodes.bent_at.shape[1]:
        return InteriorClimb(listed, mu, x)
    near = torch.zeros_like(mu, dtype=torch.bool)
    if hint is not None and bool((near := hint.mu > 0).any()):
        better = _inside(nodes, hint).gather(1, listed.at)
        near = near & torch.isfinite(listed.evaluate(hint.mu, better).value)
        mu, x = torch.where(near, hint.mu, mu), torch.where(near[:, None], better, x)
    return BarrierClimb(listed, mu, x, torch.where(near, goal.enough, -torch.inf))


def _put(mu: Tensor, x: Tensor, index: Tensor, climb: "BarrierClimb | InteriorClimb") -> tuple[Tensor, Tensor]:
    """The multipliers of all nodes with those of ``climb`` at ``index``."""
    rows = x[index].scatter(1, climb.listed.at, climb.spot.x)
    return mu.index_copy(0, index, climb.spot.mu), x.index_copy(0, index, rows)


def _start(nodes: Nodes) -> tuple[Tensor, Tensor]:
    """A point inside every bound: majorants that touch the graph beside the start, half the convex slopes."""
    near = torch.minimum(nodes.upper, -nodes.lower).abs()
    reach = torch.where(nodes.bent, torch.maximum(nodes.start.abs(), near / 8), 1.0).clamp_min(1e-9)
    ratio = 1 / (4 * reach)
    load = torch.where(nodes.bent, -2 * nodes.weight * ratio, 0.0).sum(1)
    mu = torch.minimum(0.5 / load.clamp_min(1e-300), 1 / nodes.weight.abs().sum(1).clamp_min(1e-300)).clamp_max(1e6)
    x = torch.where(nodes.convex, mu[:, None] * nodes.weight / 2, 0.1 * mu[:, None].expand_as(near))
    return mu, torch.where(nodes.bent, -mu[:, None] * nodes.weight * ratio, x)


def _inside(nodes: Nodes, hint: Hint) -> Tensor:
    """The hint's x (B, G) moved off the bounds of these nodes; the price of a new sign is small."""
    most = hint.mu[:, None] * nodes.weight.abs()
    x = torch.where(nodes.convex, torch.minimum(hint.x, 0.999 * most).clamp_min(1e-3 * most), hint.x)
    return torch.where(nodes.bent | nodes.convex, x, 0.01 * most)
