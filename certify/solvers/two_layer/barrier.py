"""Nodes with bent neurons: Newton steps on D plus a barrier that fades.

The barrier keeps x and mu inside their bounds and the quadratic convex. Multipliers for these bounds, as in
``interior.py``, are no good here: D falls steeply where the quadratic is all but flat, and they would jam there.
"""

import torch
from torch import Tensor

from certify.solvers.two_layer.listed import USUAL_MU, Listed, Slopes, Spot, System

_FADE = 0.03
_START_TAU, _LEAST_TAU = 1e-3, 1e-6
_CENTRED = 8.0
_AHEAD = 2.0
"""How far a good start is taken to be from the maximum, in ways to the bound that is aimed at."""

_MASKS = ("_used", "_unused", "_convex", "_unbound", "_rise")


class BarrierClimb:
    """Nodes on their way up; ``tau`` (B,) is the barrier's strength.

    ``aim`` (B,) is the bound hoped for where the start is a good one, else minus infinity: a barrier much stronger than
    what is missing would lead away from it. ``missing`` (B,) is about what D may still grow by, infinite where the last
    step does not tell.
    """

    def __init__(self, listed: Listed, mu: Tensor, x: Tensor, aim: Tensor) -> None:
        self.listed, self.spot = listed, listed.evaluate(mu, x)
        self._used, self._convex = (mask.to(mu.dtype) for mask in (listed.used, listed.convex))
        self._unused, self._unbound, self._rise = 1 - self._used, 1 - self._convex, self._convex * listed.weight
        self._count = listed.used.sum(1) + listed.convex.sum(1) + listed.bent.sum(1) + 1.0
        near = _AHEAD * (aim - self.spot.value) / self._weight(mu)
        self._tau = torch.where(torch.isfinite(aim), near.clamp(_LEAST_TAU, _START_TAU), _START_TAU)
        self._stiffness, self._damping = self._tau, torch.zeros_like(mu)
        self._inside, self._room = self._measured(self.spot)
        self.missing = torch.full_like(mu, torch.inf)

    def take(self, index: Tensor) -> "BarrierClimb":
        """The nodes at ``index``."""
        new = object.__new__(BarrierClimb)
        for name in (*_MASKS, "_tau", "_stiffness", "_damping", "_inside", "_room", "_count", "missing"):
            setattr(new, name, getattr(self, name)[index])
        new.listed, new.spot = self.listed.take(index), self.spot.take(index)
        return new

    def step(self, gap: Tensor) -> None:
        """Moves where the merit improves, elsewhere raises the damping; weakens the barrier where it is centred.

        No barrier is weakened further than ``gap`` (B,) asks for.
        """
        spot, tau = self.spot, self._tau
        now = self._with_barrier(self.listed.slopes(spot))
        move = System.of(now.curving, self._damping).solve(now.gradient)
        gain = (now.gradient * move).sum(1)
        length = self._length(move)
        trial = self.listed.evaluate(spot.mu + length * move[:, -1], spot.x + length[:, None] * move[:, :-1])
        inside, room = self._measured(trial)
        good = trial.value + tau * inside - spot.value - tau * self._inside
        good = (good >= 0.1 * length * gain - 1e-14 * spot.value.abs()) & torch.isfinite(trial.value)
        if not bool(good.all()):
            trial, inside = trial.where(good, spot), torch.where(good, inside, self._inside)
            room = torch.where(good[:, None], room, self._room)
        self.spot, self._inside, self._room = trial, inside, room
        self._damping = torch.where(good, self._damping / 10, (self._damping * 10).clamp_min(1e-2))
        self._damping = torch.where(self._damping < 1e-4, 0.0, self._damping)
        left = torch.where(good & (length == 1), gain, torch.inf)
        centred = (left <= _CENTRED * tau) | (gain < 1e-22)
        weight = self._weight(trial.mu)
        self.missing = torch.where(centred, tau * weight, torch.inf)
        self._stiffness = tau
        self._tau = torch.where(centred, torch.maximum(tau * _FADE, 0.999 * gap / weight), tau)

    def _weight(self, mu: Tensor) -> Tensor:
        """What a centred node misses of its maximum, in units of tau."""
        return self._count + mu / USUAL_MU

    def _measured(self, spot: Spot) -> tuple[Tensor, Tensor]:
        """The barrier (B,), and the room below ``x <= mu a`` (B, U; 1 where there is no such bound)."""
        room = torch.addcmul(self._unbound, spot.mu[:, None], self._rise) - self._convex * spot.x
        logs = (torch.addcmul(self._unused, self._used, spot.x) * room).log().sum(1)
        return logs + spot.log_det + spot.mu.log() - spot.mu / USUAL_MU, room

    def _with_barrier(self, now: Slopes) -> Slopes:
        """The derivatives (changed in place) of D plus tau times the barrier.

        The old tau stands in the second derivatives: right after it was lowered it predicts the way to the new centre.
        """
        spot, tau, firm, bent = self.spot, self._tau, self._stiffness, self.listed.bent
        bends, mu = bent.shape[1], spot.mu
        inverse, room = self._used / spot.x, self._convex / self._room
        spread, rise = spot.spread[:, :bends, :bends], self._rise * room
        by = torch.cat([inverse - room, (1 / mu - 1 / USUAL_MU + rise.sum(1))[:, None]], 1)
        by[:, :bends] -= 2 * bent * spread.diagonal(dim1=1, dim2=2)
        now.gradient.addcmul_(tau[:, None], by)
        pair = ((2 * firm.sqrt())[:, None] * bent)[:, :, None] * spread
        now.curving[:, :bends, :bends].add_(pair * pair.mT)
        mixed = firm[:, None] * rise * room
        now.curving[:, :-1, -1].sub_(mixed)
        now.curving[:, -1, :-1].sub_(mixed)
        own = torch.cat([inverse * inverse + room * room, (1 / (mu * mu) + (rise * rise).sum(1))[:, None]], 1)
        now.curving.diagonal(dim1=1, dim2=2).addcmul_(firm[:, None], own)
        return now

    def _length(self, move: Tensor) -> Tensor:
        """The longest step up to 1 that stays well inside the bounds."""
        spot, x = self.spot, move[:, :-1]
        drop = (-self._used * x / spot.x).amax(1)
        press = (self._convex * (x - move[:, -1:] * self._rise) / self._room).amax(1)
        worst = torch.maximum(torch.maximum(drop, press), -move[:, -1] / spot.mu)
        return torch.where(worst > 0.95, 0.95 / worst, 1.0)
