"""Nodes without bent neurons, whose D is quadratic: a primal-dual interior-point method (mehrotra1992)."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.listed import USUAL_MU, Listed, System

_START_TAU = 1e-2
_TO_BOUNDARY = 0.99
_FULL = 0.9
"""The least step after which the gap says what is missing."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """A change of the variables, and with it of slacks (``ahead``) and of their multipliers (``fall``)."""

    by: Tensor
    ahead: Tensor
    fall: Tensor


class InteriorClimb:
    """Nodes on their way up: where they are, and the multipliers (B, 2U + 1) of their bounds.

    The bounds are x >= 0, then x <= mu a, then mu >= 0; ``held`` marks those that exist, ``slack`` is what is left.
    ``missing`` (B,) is what D may still grow by, infinite where that is not known.
    """

    def __init__(self, listed: Listed, mu: Tensor, x: Tensor) -> None:
        self.listed, self.spot = listed, listed.evaluate(mu, x)
        one = torch.ones_like(mu)
        self._held = torch.cat([listed.used, listed.convex, (one > 0)[:, None]], 1)
        self._rise = torch.where(listed.convex, listed.weight, 0.0)
        slack = torch.cat([x, mu[:, None] * self._rise - x, mu[:, None]], 1)
        self._slack = torch.where(self._held, slack, 1.0)
        self._dual = self._held * (_START_TAU / self._slack)
        self._count = self._held.sum(1)
        self.missing = torch.full_like(one, torch.inf)

    def take(self, index: Tensor) -> "InteriorClimb":
        """The nodes at ``index``."""
        new = object.__new__(InteriorClimb)
        for name in ("_held", "_rise", "_slack", "_dual", "_count", "missing"):
            setattr(new, name, getattr(self, name)[index])
        new.listed, new.spot = self.listed.take(index), self.spot.take(index)
        return new

    def step(self, gap: Tensor) -> None:
        """Predicts how far the gap can close, and aims there."""
        del gap
        now, count = self.listed.slopes(self.spot), self._rise.shape[1]
        gap, ratio = (self._slack * self._dual).sum(1), self._dual / self._slack
        system = System.of(self._curving(now.curving, ratio))
        guess = self._move(system.solve(now.gradient), -self._dual, ratio)
        length = self._length(guess)[:, None]
        left = ((self._slack + length * guess.ahead) * (self._dual + length * guess.fall)).sum(1)
        tau = (left / gap).clamp(0.0, 1.0) ** 3 * gap / self._count
        pull = self._held * (tau[:, None] - guess.ahead * guess.fall) / self._slack
        high = pull[:, count:-1]
        last = pull[:, -1] + (self._rise * high).sum(1) - tau / USUAL_MU
        rest = now.gradient + torch.cat([pull[:, :count] - high, last[:, None]], 1)
        by = system.solve(rest)
        self._go(self._move(by, pull - self._dual, ratio), (rest * by).sum(1))

    def _move(self, by: Tensor, change: Tensor, ratio: Tensor) -> _Move:
        x = by[:, :-1]
        ahead = self._held * torch.cat([x, by[:, -1:] * self._rise - x, by[:, -1:]], 1)
        return _Move(by, ahead, change - ratio * ahead)

    def _length(self, move: _Move) -> Tensor:
        """The longest step up to 1 / 0.99 that keeps every slack and every multiplier from falling below 0."""
        down = torch.where(self._held, -move.fall / self._dual, 0.0)
        worst = torch.maximum(-move.ahead / self._slack, down).amax(1)
        return 1 / worst.clamp_min(_TO_BOUNDARY)

    def _go(self, move: _Move, gain: Tensor) -> None:
        length = _TO_BOUNDARY * self._length(move)
        spot, far = self.spot, length[:, None]
        self.spot = self.listed.evaluate(spot.mu + length * move.by[:, -1], spot.x + far * move.by[:, :-1])
        self._slack, self._dual = self._slack + far * move.ahead, self._dual + far * move.fall
        missing = (self._slack * self._dual).sum(1) + (1 - length) * gain.abs()
        self.missing = torch.where(length > _FULL, missing, torch.inf)

    def _curving(self, curving: Tensor, ratio: Tensor) -> Tensor:
        """Minus the second derivatives of D (changed in place) and of what keeps the bounds."""
        count = self._rise.shape[1]
        high = ratio[:, count:-1]
        mixed = self._rise * high
        curving[:, -1, :-1] -= mixed
        curving[:, :-1, -1] -= mixed
        own = torch.cat([ratio[:, :count] + high, (ratio[:, -1] + (self._rise * mixed).sum(1))[:, None]], 1)
        curving.diagonal(dim1=1, dim2=2).add_(own)
        return curving
