"""Projected gradient ascent inside l2 and linf balls: the inner maximum of adversarial training (madry2018).

It looks for bad points and proves nothing when it finds none; certified radii come from ``certify``.
"""

import dataclasses as dc
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from certify.errors import InvalidInput
from certify.region import Norm

_TINY = 1e-30


@dc.dataclass(frozen=True, slots=True)
class Pgd:
    """``steps`` steps of ``step`` (default 2.5 radius / steps) from a random start, ``restarts`` times.

    ``box`` holds the least and largest value of a coordinate; points are assumed to lie in it.

    Raises:
        InvalidInput: the l1 norm, a radius or a count of no meaning, or an empty box.
    """

    norm: Norm
    radius: float
    steps: int = 10
    step: float | None = None
    restarts: int = 1
    box: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.norm is Norm.L1:
            raise InvalidInput("This attack moves inputs in l2 or linf balls, and l1 was asked for. Use 2 or inf.")
        if not (math.isfinite(self.radius) and self.radius >= 0) or self.steps < 1 or self.restarts < 1:
            raise InvalidInput(
                f"An attack of radius {self.radius} with {self.steps} steps and {self.restarts} restarts has no "
                f"meaning: radius >= 0, at least 1 step and 1 restart."
            )
        if self.step is not None and not (math.isfinite(self.step) and self.step > 0):
            raise InvalidInput(f"The attack's step {self.step} must be a positive number.")
        if self.box is not None and not self.box[0] < self.box[1]:
            raise InvalidInput(f"The box {self.box} is empty: give the least and the largest value of a coordinate.")

    def walk(self, harm: Callable[[Tensor], Tensor], points: Tensor, chance: torch.Generator) -> Iterator[Tensor]:
        """One restart's points in turn, each (b, n): a random start, then steps that increase ``harm`` (b,).

        All lie in the ball around ``points`` and in the box. ``chance`` lives on the CPU, so a seed means the same on
        every device.
        """
        size = self.step if self.step is not None else 2.5 * self.radius / self.steps
        at = self._projected(points, points + self.radius * self._start(points, chance))
        yield at
        for _ in range(self.steps):
            at = at.detach().requires_grad_()
            (slope,) = torch.autograd.grad(harm(at).sum(), at)
            at = self._projected(points, at.detach() + size * self._direction(slope))
            yield at

    def _start(self, points: Tensor, chance: torch.Generator) -> Tensor:
        """Uniformly random in the unit ball."""
        shape = points.shape
        if self.norm is Norm.LINF:
            draw = 2 * torch.rand(shape, generator=chance, dtype=torch.float64) - 1
        else:
            draw = torch.randn(shape, generator=chance, dtype=torch.float64)
            draw /= draw.norm(dim=1, keepdim=True).clamp(min=_TINY)
            draw *= torch.rand(shape[0], 1, generator=chance, dtype=torch.float64) ** (1 / shape[1])
        return draw.to(points)

    def _direction(self, slope: Tensor) -> Tensor:
        if self.norm is Norm.LINF:
            return slope.sign()
        return slope / slope.norm(dim=1, keepdim=True).clamp(min=_TINY)

    def _projected(self, centres: Tensor, points: Tensor) -> Tensor:
        """The ball first, then the box, which moves no coordinate away from a centre inside it."""
        moves = points - centres
        if self.norm is Norm.LINF:
            moves = moves.clamp(-self.radius, self.radius)
        else:
            moves = moves * (self.radius / moves.norm(dim=1, keepdim=True).clamp(min=_TINY)).clamp(max=1.0)
        moved = centres + moves
        return moved if self.box is None else moved.clamp(*self.box)
