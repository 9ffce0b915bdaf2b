"""Projections on convex pieces of ``{f <= 0}``: guesses which units end at their kinks, and corrects the guess.

A unit of the convex side ends dead (``x = 0``), active (``x = mu a``) or at its kink (``t = 0``). Given which, the
projection is one linear system; its solution says which guesses were wrong (the primal-dual active set method,
hintermueller2002). Few systems are enough where it converges; what it leaves open goes to the interior-point method.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.ascent import Goal, maximise
from certify.solvers.two_layer.dual import Nodes, Point, evaluate
from certify.solvers.two_layer.listed import Listed, System

_MOST_GUESSES = 25
"""Most projections need a few; more seldom settle."""


def project_all(nodes: Nodes, goal: Goal) -> Point:
    """The maximum of D for nodes without bent neurons, or a bound that is ``enough``."""
    mu, x, solved = _guess(nodes)
    rest = (~solved).nonzero()[:, 0]
    if len(rest):
        point = maximise(nodes.take(rest), goal.take(rest))
        mu, x = mu.index_copy(0, rest, point.mu), x.index_copy(0, rest, point.x)
    return evaluate(nodes, mu, x)


def _guess(nodes: Nodes) -> tuple[Tensor, Tensor, Tensor]:
    """Multipliers mu (B,), x (B, G), and for which nodes (B,) they are those of the projection."""
    listed = Listed.of(nodes)
    mu, x = torch.zeros_like(nodes.constant), torch.zeros_like(nodes.start)
    solved, index = torch.zeros_like(mu, dtype=torch.bool), torch.arange(len(mu), device=mu.device)
    guess = _Guess(listed.convex & (listed.start[:, :-1] > 0), torch.zeros_like(listed.convex))
    for _ in range(_MOST_GUESSES if len(mu) else 0):
        price, by, better = guess.follow(listed)
        done = ((better.active == guess.active) & (better.kink == guess.kink)).all(1)
        at = done.nonzero()[:, 0]
        if len(at):
            mu, x = mu.index_copy(0, index[at], price[at]), x.index_copy(0, index[at], _rows(x, listed, by, at))
            solved[index[at]] = (price[at] > 0) & torch.isfinite(by[at]).all(1)
            open_ = (~done).nonzero()[:, 0]
            if not len(open_):
                break
            index, listed, better = index[open_], listed.take(open_), better.take(open_)
        guess = better
    return mu, x, solved


def _rows(x: Tensor, listed: Listed, by: Tensor, at: Tensor) -> Tensor:
    return torch.zeros(len(at), x.shape[1], dtype=x.dtype, device=x.device).scatter(1, listed.at[at], by[at])


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Guess:
    """Which of the listed units (B, U) end active, and which at their kinks; the others end dead."""

    active: Tensor
    kink: Tensor

    def take(self, index: Tensor) -> "_Guess":
        """The guesses at ``index``."""
        return _Guess(self.active[index], self.kink[index])

    def follow(self, listed: Listed) -> tuple[Tensor, Tensor, "_Guess"]:
        """The multipliers mu (B,), x (B, U) that solve ``f = 0`` and ``t = 0`` at the kinks; a better guess."""
        one = torch.ones_like(listed.constant)[:, None]
        linear = torch.cat([self.active * listed.weight, one], 1)
        pulled = (listed.gram @ linear[:, :, None])[:, :, 0]
        held = torch.cat([self.kink.to(one.dtype), one], 1)
        system = listed.gram * held[:, :, None] * held[:, None, :]
        system[:, -1, :] = system[:, :, -1] = held * pulled
        system[:, -1, -1] = (linear * pulled).sum(1)
        right = held * listed.start
        right[:, -1] = listed.constant + (linear * listed.start).sum(1)
        found = System.of(system).solve(right)
        mu = found[:, -1]
        most = mu[:, None] * listed.weight
        x = torch.where(self.kink, found[:, :-1], self.active * most)
        slope = torch.cat([x, mu[:, None]], 1)
        t = listed.start - (listed.gram @ slope[:, :, None])[:, :, 0]
        aim = x + torch.where(self.kink, 0.0, t[:, :-1])
        active = listed.convex & (aim >= most)
        return mu, x, _Guess(active, listed.convex & ~active & (aim > 0))
