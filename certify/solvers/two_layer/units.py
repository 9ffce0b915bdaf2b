"""Questions in unit scale: every weight vector of length 1, the ball of radius 1, and the way back."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.dual import Nodes, Point
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.proof import Multipliers
from certify.solvers.two_layer.questions import Questions

_NOISE = 1e-15


@dc.dataclass(frozen=True, slots=True, eq=False)
class Region:
    """B nodes: their question, the enclosure ``lower``, ``upper`` (B, G) of ``t / length`` and the signs split.

    ``split`` (B, G) is 1 where t >= 0 was chosen, -1 where t <= 0 was, else 0.
    """

    question: Tensor
    lower: Tensor
    upper: Tensor
    split: Tensor

    def take(self, index: Tensor) -> "Region":
        """The nodes at ``index``."""
        return Region(*(getattr(self, f.name)[index] for f in dc.fields(self)))


class Units:
    """Questions with unit weight vectors, on the device of the search. Nothing here is proved."""

    def __init__(self, model: TwoLayer, asked: Questions, device: str) -> None:
        length = model.gram.diagonal().sqrt()
        self._length = torch.where(length > 0, length, 1.0)
        self.gram = (model.gram / self._length[:, None] / self._length).to(device)
        self.start = (asked.start / self._length).to(device)
        self.weight = (asked.weight * self._length).to(device)
        self.constant = asked.constant.to(device)
        self.device = device
        self._moving = (length > 0).to(device)

    def broken(self, question: Tensor, direction: Tensor) -> Tensor:
        """Whether f at ``z = W^T direction`` is not positive, or no more than its rounding."""
        t = self.start[question] + direction @ self.gram
        weight, constant = self.weight[question], self.constant[question]
        size = constant.abs() + (weight.abs() * (self.start[question].abs() + t.abs())).sum(1)
        return constant + (weight * t.clamp_min(0.0)).sum(1) <= _NOISE * size

    def nearest(self, owner: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """For each of ``count`` owners the question whose linearisation at z = 0 is the first to reach 0, and where."""
        slope = torch.where(self.start > 0, self.weight, 0.0)
        size = (slope * (slope @ self.gram)).sum(1).clamp_min(1e-300).sqrt()
        value = self.constant + (self.weight * self.start.clamp_min(0.0)).sum(1)
        number = torch.arange(len(owner), device=owner.device)
        least = torch.full((count,), torch.inf, dtype=size.dtype, device=owner.device)
        reach = torch.nan_to_num(value / size, nan=torch.inf, posinf=torch.inf)
        least = least.scatter_reduce(0, owner, reach, "amin")
        first = torch.where(reach == least[owner], number, len(owner))
        nearest = torch.full((count,), len(owner), device=owner.device).scatter_reduce(0, owner, first, "amin")
        return nearest, least.clamp_min(1e-12)

    def ball(self, question: Tensor, radius: Tensor) -> Region:
        """The whole balls of ``radius``."""
        start, reach = self.start[question], radius[:, None] * self._moving
        return Region(question, start - reach, start + reach, torch.zeros_like(start, dtype=torch.int8))

    def scale(self, question: Tensor, radius: Tensor) -> Tensor:
        """What f is divided by."""
        size = self.weight[question].abs().sum(1) * radius
        return torch.where(size > 0, size, 1.0)

    def nodes(self, region: Region, radius: Tensor, *, bent: bool) -> Nodes:
        """The nodes' relaxations: chords on open neurons of the concave side, or least quadratic majorants."""
        question = region.question
        weight = self.weight[question] * (radius / self.scale(question, radius))[:, None]
        start, constant = self.start[question] / radius[:, None], self.constant[question]
        lower, upper = region.lower / radius[:, None], region.upper / radius[:, None]
        concave = weight < 0
        open_ = concave & (lower < 0) & (upper > 0)
        near = self._moving.double()
        convex = (weight > 0) & (start - near < 0) & (start + near > 0)
        base = torch.where((concave & (lower >= 0)) | ((weight > 0) & (start - near >= 0)), weight, 0.0)
        base = torch.where(region.split > 0, torch.where(concave, weight, base), base)
        chord = torch.where(open_, weight * upper / (upper - lower), 0.0)
        sign = torch.where(convex, 1.0, torch.where(concave, -region.split.double(), 0.0))
        constant = constant / self.scale(question, radius)
        if not bent:
            base, constant = base + chord, constant - (chord * torch.where(open_, lower, 0.0)).sum(1)
            open_ = torch.zeros_like(open_)
        return Nodes.of(
            self.gram,
            constant,
            start=start,
            weight=weight,
            lower=lower,
            upper=upper,
            base=base,
            sign=sign,
            convex=convex,
            bent=open_,
        )

    def projections(self, question: Tensor, active: Tensor, radius: Tensor, inset: float) -> Nodes:
        """The convex sets ``c + sum over a > 0 of a relu(t) + sum over active a < 0 of a t <= 0``, a little shrunk."""
        weight = self.weight[question] * (radius / self.scale(question, radius))[:, None]
        concave, convex = active & (weight < 0), weight > 0
        start = self.start[question] / radius[:, None] + torch.where(weight > 0, inset, -inset)
        base, zero = torch.where(concave, weight, 0.0), torch.zeros_like(weight)
        constant = self.constant[question] / self.scale(question, radius)
        bent = torch.zeros_like(convex)
        sides = {"start": start, "weight": weight, "lower": zero, "upper": zero, "base": base}
        return Nodes.of(self.gram, constant, **sides, sign=convex.double(), convex=convex, bent=bent)

    def multipliers(self, region: Region, radius: Tensor, point: Point) -> Multipliers:
        """The multipliers of the unscaled function, its own multiplier being 1, on the CPU."""
        factor = self.scale(region.question, radius) / point.mu
        slope = (factor / radius)[:, None] * point.slope
        curvature = (factor / radius**2)[:, None] * point.curvature
        return Multipliers(
            slope.cpu() / self._length, curvature.cpu() / self._length**2, (factor / (2 * radius**2)).cpu()
        )

    def move(self, direction: Tensor) -> Tensor:
        """Coefficients of the unscaled weight vectors, on the CPU."""
        return direction.cpu() / self._length
