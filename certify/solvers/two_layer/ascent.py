"""Maximises the bounds of many nodes at once: Newton steps on a barrier that fades."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.two_layer.dual import Nodes, Point, barrier, barrier_weight, derivatives, evaluate

_MOST_STEPS = 90
_FADE = 0.03
_START_TAU = 1e-1
_CENTRED = 0.5


@dc.dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """When to stop, for B nodes: at D >= ``enough``, or when at most ``gap`` is missing of the maximum.

    ``hopeless`` is the share of the way from D to ``enough`` that may be missing when a node will be split anyway.
    After the deadline every node stops where it is. ``centred`` is what a last step may still gain, in units of the
    barrier's strength: small where the minimiser itself is wanted.
    """

    enough: Tensor
    gap: Tensor
    hopeless: Tensor
    deadline: Deadline
    centred: float = _CENTRED


def maximise(nodes: Nodes, goal: Goal) -> Point:
    """Multipliers near the maximum of each node's D: each is a valid bound, whatever its distance from the maximum."""
    mu, x = _start(nodes)
    point = evaluate(nodes, mu, x)
    tau = torch.full_like(mu, _START_TAU)
    stiffness = tau.clone()
    damping = torch.zeros_like(mu)
    open_ = torch.ones_like(mu, dtype=torch.bool)
    for _ in range(_MOST_STEPS):
        index = open_.nonzero()[:, 0]
        if not len(index) or goal.deadline.passed:
            break
        part = _Climb(nodes.take(index), point.take(index), (tau[index], stiffness[index]), damping[index])
        part.step()
        point.put(index, part.point)
        stiffness[index], damping[index] = tau[index], part.damping
        tau[index] = part.fade(goal, index)
        open_[index] = ~part.finished(goal, index)
    return point


def _start(nodes: Nodes) -> tuple[Tensor, Tensor]:
    """A point inside every bound: majorants that touch the graph beside the start, half the convex slopes."""
    near = torch.minimum(nodes.upper, -nodes.lower).abs()
    reach = torch.where(nodes.bent, torch.maximum(nodes.start.abs(), near / 8), 1.0).clamp_min(1e-9)
    ratio = 1 / (4 * reach)
    load = torch.where(nodes.bent, -2 * nodes.weight * ratio, 0.0).sum(1)
    mu = torch.minimum(0.5 / load.clamp_min(1e-300), 1 / nodes.weight.abs().sum(1).clamp_min(1e-300)).clamp_max(1e6)
    x = torch.where(nodes.convex, mu[:, None] * nodes.weight / 2, 0.1 * mu[:, None].expand_as(near))
    return mu, torch.where(nodes.bent, -mu[:, None] * nodes.weight * ratio, x)


class _Climb:
    """One damped Newton step of the nodes that are still open."""

    def __init__(self, nodes: Nodes, point: Point, strength: tuple[Tensor, Tensor], damping: Tensor) -> None:
        self.nodes, self.point, self.damping = nodes, point, damping
        self.tau, self._stiffness = strength
        tau = self.tau
        self.decrement = torch.full_like(tau, torch.inf)

    def step(self) -> None:
        """Moves where the merit improves; elsewhere raises the damping."""
        now = derivatives(self.nodes, self.point, self.tau, self._stiffness)
        move = self._newton(now.gradient, now.hessian)
        gain = (now.gradient[:, :-1] * move.gather(1, self.nodes.used_at)).sum(1) + now.gradient[:, -1] * move[:, -1]
        length = self._room(move)
        mu, x = self.point.mu + length * move[:, -1], self.point.x + length[:, None] * move[:, :-1]
        trial = evaluate(self.nodes, mu, torch.where(self.nodes.used, x, self.point.x))
        rise = self._merit(trial) - self._merit(self.point)
        good = rise >= 0.1 * length * gain - 1e-14 * self.point.value.abs()
        good &= torch.isfinite(trial.value)
        index = good.nonzero()[:, 0]
        self.point.put(index, trial.take(index))
        self.decrement = torch.where(good & (length == 1), gain, torch.inf)
        self.decrement = torch.where(gain < 1e-22, 0.0, self.decrement)
        self.damping = torch.where(good, self.damping / 10, (self.damping * 10).clamp_min(1e-2))
        self.damping = torch.where(self.damping < 1e-4, 0.0, self.damping)

    def _merit(self, point: Point) -> Tensor:
        return point.value + self.tau * barrier(self.nodes, point)

    def _newton(self, gradient: Tensor, hessian: Tensor) -> Tensor:
        """The step (B, G + 1); where the system is not positive definite a gradient step in its diagonal's scale."""
        at = self.nodes.used_at
        used = torch.cat([self.nodes.used.gather(1, at), torch.ones_like(gradient[:, :1], dtype=torch.bool)], 1)
        gradient.masked_fill_(~used, 0.0)
        diagonal = torch.where(used, -hessian.diagonal(dim1=1, dim2=2), 1.0)
        scale = torch.where(used, diagonal.clamp_min(1e-300).rsqrt(), 0.0)
        system = -hessian * scale[:, :, None] * scale[:, None, :]
        system.diagonal(dim1=1, dim2=2)[:] = 1.0 + self.damping[:, None] + 1e-13
        factor, failed = torch.linalg.cholesky_ex(system)
        if bool((failed > 0).any()):
            one = 2.0 * torch.eye(system.shape[1], dtype=system.dtype, device=system.device)
            factor = torch.where((failed > 0)[:, None, None], one, factor)
        move = torch.cholesky_solve((gradient * scale)[:, :, None], factor)[:, :, 0] * scale
        whole = torch.zeros_like(self.point.x).scatter(1, at, move[:, :-1])
        return torch.cat([whole, move[:, -1:]], 1)

    def _room(self, move: Tensor) -> Tensor:
        """The longest step up to 1 that stays well inside the bounds."""
        nodes, point = self.nodes, self.point
        drop = torch.where(nodes.used, -move[:, :-1] / point.x, 0.0).amax(1)
        room = point.mu[:, None] * nodes.weight - point.x
        press = torch.where(nodes.convex, (move[:, :-1] - move[:, -1:] * nodes.weight) / room, 0.0).amax(1)
        fall = -move[:, -1] / point.mu
        worst = torch.maximum(torch.maximum(drop, press), fall)
        return torch.where(worst > 0.95, 0.95 / worst, 1.0)

    def missing(self) -> Tensor:
        """About how much D can still grow."""
        return self.tau * barrier_weight(self.nodes, self.point)

    def fade(self, goal: Goal, index: Tensor) -> Tensor:
        """The next tau: a smaller one where the point is centred."""
        centred = self.decrement <= _CENTRED * self.tau
        last = goal.gap[index] / barrier_weight(self.nodes, self.point)
        return torch.where(centred, torch.maximum(self.tau * _FADE, 0.999 * last), self.tau)

    def finished(self, goal: Goal, index: Tensor) -> Tensor:
        """Whether a node's bound suffices, or cannot grow by what matters."""
        enough, value = goal.enough[index], self.point.value
        centred, missing = self.decrement <= goal.centred * self.tau, self.missing()
        small = (missing <= goal.gap[index]) | (missing < goal.hopeless[index] * (enough - value))
        return (value >= enough) | (centred & small)
