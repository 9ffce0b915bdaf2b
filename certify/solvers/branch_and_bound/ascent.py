"""Better multipliers for a batch of nodes by gradient ascent on their bounds. (wang2021, Section 3.2)"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes

_FIRST_MOMENT, _SECOND_MOMENT, _TINY = 0.8, 0.98, 1e-12
_WORTH = 0.7
"""Closed nodes leave the batch when at most this share of it is open: repacking copies."""


@dc.dataclass(frozen=True, slots=True)
class Ascent:
    """How multipliers are searched: steps, the first step's length, its decay; prices step in units of their scale."""

    steps: int = 10
    rate: float = 0.25
    price_rate: float = 0.5
    decay: float = 0.93


class _Adam:
    """The state of Adam for one tensor (B, U) that can lose rows on the way; the numbers stay in [0, most]."""

    def __init__(self, start: Tensor, most: float) -> None:
        self.value, self._most = start.clone(), most
        self._first, self._second = torch.zeros_like(start), torch.zeros_like(start)

    def step(self, gradient: Tensor, rate: float, count: int) -> None:
        """Ascends; ``count`` steps have been made, this one included."""
        gradient = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        self._first = _FIRST_MOMENT * self._first + (1 - _FIRST_MOMENT) * gradient
        self._second = _SECOND_MOMENT * self._second + (1 - _SECOND_MOMENT) * gradient.square()
        first, second = self._first / (1 - _FIRST_MOMENT**count), self._second / (1 - _SECOND_MOMENT**count)
        self.value = (self.value + rate * first / (second.sqrt() + _TINY)).clamp(0.0, self._most)

    def take(self, index: Tensor) -> None:
        """Keeps the rows at ``index``."""
        self.value, self._first, self._second = self.value[index], self._first[index], self._second[index]


def ascend(
    nodes: Nodes, start: Multipliers, scale: Tensor, how: Ascent, deadline: Deadline
) -> tuple[Tensor, Multipliers]:
    """The best bounds (B,) met and their multipliers; ``scale`` (B, U) is the order of magnitude of the prices.

    A node whose bound is positive is done.
    """
    lower = torch.full_like(nodes.offset[:, 0], -torch.inf)
    best = Multipliers(start.slopes.clone(), start.prices.clone())
    rows = torch.arange(len(nodes), device=lower.device)
    slopes, shares = _Adam(start.slopes, 1.0), _Adam(start.prices / scale, torch.inf)
    for step in range(how.steps + 1):
        last = step == how.steps or deadline.passed
        chosen = Multipliers(slopes.value, shares.value * scale)
        bound, gradients = _bound(nodes, chosen, wanted=not last)
        better = bound > lower[rows]
        lower[rows[better]] = bound[better]
        best.slopes[rows[better]], best.prices[rows[better]] = chosen.slopes[better], chosen.prices[better]
        still = lower[rows] <= 0
        if last or gradients is None or not bool(still.any()):
            break
        shrink = how.decay**step
        slopes.step(gradients.slopes, how.rate * shrink, step + 1)
        shares.step(gradients.prices * scale * (nodes.phases != 0), how.price_rate * shrink, step + 1)
        if int(still.sum()) <= _WORTH * len(rows):
            index = still.nonzero()[:, 0]
            rows, nodes, scale = rows[index], nodes.take(index), scale[index]
            slopes.take(index)
            shares.take(index)
    return lower, best


def _bound(nodes: Nodes, chosen: Multipliers, *, wanted: bool) -> tuple[Tensor, Multipliers | None]:
    """The bounds (B,) and, where ``wanted``, their gradients; None where nothing can be chosen."""
    if not wanted:
        with torch.no_grad():
            return nodes.bound(chosen), None
    with torch.enable_grad():
        variable = Multipliers(chosen.slopes.detach().requires_grad_(), chosen.prices.detach().requires_grad_())
        bound = nodes.bound(variable)
        if not bound.requires_grad:
            return bound, None
        bound.sum().backward()
    slopes, prices = (torch.zeros_like(x) if x.grad is None else x.grad for x in (variable.slopes, variable.prices))
    return bound.detach(), Multipliers(slopes, prices)
