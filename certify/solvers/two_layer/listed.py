"""The variables of a batch of nodes, listed, and the bound as a function of them alone.

A step of the ascent needs products of the weight vectors of neurons that have a variable, and of one more vector: the
sum of all that is linear, which ``mu`` multiplies. So each node becomes U variables and E = U + 1 vectors, bent neurons
first, and G, the number of neurons, no longer matters.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.dual import Nodes
from certify.solvers.two_layer.envelope import Intervals, Majorants

USUAL_MU = 10.0
"""The barrier's price on mu, which has no largest value where f = 0 on a whole region."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """D at ``mu`` (B,), ``x`` (B, U), and what its derivatives are made of.

    ``value`` (B,) is minus infinity where the quadratic is not convex; ``log_det`` (B,) is the logarithm of its
    determinant. ``t`` (B, E) are the pre-activations at the minimiser, ``spread`` (B, E, E) the products
    ``w_i^T (1 - 2 sum curvature w w^T)^-1 w_j``. ``scale`` (B, H) multiplies the majorants, of curvature ``ratio``.
    """

    mu: Tensor
    x: Tensor
    value: Tensor
    log_det: Tensor
    t: Tensor
    spread: Tensor
    scale: Tensor
    ratio: Tensor
    majorants: Majorants | None

    def take(self, index: Tensor) -> "Spot":
        """The spots at ``index``."""
        found = self.majorants.take(index) if self.majorants is not None else None
        parts = [getattr(self, f.name)[index] for f in dc.fields(self) if f.name != "majorants"]
        return Spot(*parts, majorants=found)

    def where(self, chosen: Tensor, other: "Spot") -> "Spot":
        """This one where ``chosen`` (B,), else ``other``."""
        found = None
        if self.majorants is not None and other.majorants is not None:
            found = self.majorants.where(chosen, other.majorants)
        parts: list[Tensor] = []
        for name in (f.name for f in dc.fields(self) if f.name != "majorants"):
            mine = getattr(self, name)
            parts.append(torch.where(chosen.reshape(-1, *[1] * (mine.dim() - 1)), mine, getattr(other, name)))
        return Spot(*parts, majorants=found)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """First (B, E) and minus second (B, E, E) derivatives of D by the variables; mu comes last."""

    gradient: Tensor
    curving: Tensor


@dc.dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """B nodes with at most U variables, H of them bent.

    ``constant`` (B,), ``start`` (B, E), ``gram`` (B, E, E) describe the vectors; ``weight``, ``used`` and ``convex``
    are (B, U), the intervals (B, H). ``at`` (B, U) says which neurons they are. ``bent`` (B, H) is 1 where a neuron is
    bent, else 0, ``plain`` the other way round; ``heavy`` (B, H) is ``|a|`` where bent, else 0. ``sign`` (B, E) is the
    slope for x = 1, and for mu = 1 in the last place; 0 where bent.
    """

    at: Tensor
    constant: Tensor
    start: Tensor
    gram: Tensor
    weight: Tensor
    sign: Tensor
    used: Tensor
    convex: Tensor
    bent: Tensor
    plain: Tensor
    heavy: Tensor
    intervals: Intervals

    @classmethod
    def of(cls, nodes: Nodes) -> "Listed":
        """The listed form of nodes."""
        at, bent_count = nodes.used_at, nodes.bent_at.shape[1]
        front = at[:, :bent_count]
        bent = nodes.bent.gather(1, front)
        pulled = nodes.base @ nodes.gram
        gram = nodes.gram.new_empty(len(at), at.shape[1] + 1, at.shape[1] + 1)
        gram[:, :-1, :-1] = nodes.gram[at[:, :, None], at[:, None, :]]
        gram[:, -1, :-1] = gram[:, :-1, -1] = pulled.gather(1, at)
        gram[:, -1, -1] = (pulled * nodes.base).sum(1)
        start = torch.cat([nodes.start.gather(1, at), (nodes.base * nodes.start).sum(1, keepdim=True)], 1)
        lower = torch.where(bent, nodes.lower.gather(1, front), -1.0)
        upper = torch.where(bent, nodes.upper.gather(1, front), 1.0)
        weight, sign = nodes.weight.gather(1, at), nodes.sign.gather(1, at)
        sign[:, :bent_count] = torch.where(bent, 0.0, sign[:, :bent_count])
        sign = torch.cat([sign, torch.ones_like(start[:, -1:])], 1)
        used, convex = nodes.used.gather(1, at), nodes.convex.gather(1, at)
        is_bent = bent.to(weight.dtype)
        masks = (is_bent, 1 - is_bent, -weight[:, :bent_count] * is_bent)
        return cls(at, nodes.constant, start, gram, weight, sign, used, convex, *masks, Intervals.of(lower, upper))

    def take(self, index: Tensor) -> "Listed":
        """The nodes at ``index``."""
        parts = [getattr(self, f.name)[index] for f in dc.fields(self) if f.name != "intervals"]
        return Listed(*parts, intervals=self.intervals.take(index))

    def evaluate(self, mu: Tensor, x: Tensor) -> Spot:
        """D and its minimiser."""
        slope = self.sign * torch.cat([x, mu[:, None]], 1)
        value = mu * self.constant
        bends = self.bent.shape[1]
        if not bends:
            moved = (self.gram @ slope[:, :, None])[:, :, 0]
            value = value + (slope * (self.start - moved / 2)).sum(1)
            none = x[:, :0]
            return Spot(mu, x, value, torch.zeros_like(mu), self.start - moved, self.gram, none, none, None)
        curvature = self.bent * x[:, :bends]
        scale = torch.addcmul(self.plain, mu[:, None], self.heavy)
        ratio = curvature / scale
        found = self.intervals.majorants(ratio)
        start, least = self.start[:, :bends], self.bent * scale
        slope[:, :bends] -= least * found.slope
        value = value + (slope * self.start).sum(1) - (least * found.constant + curvature * start * start).sum(1)
        slope[:, :bends] -= 2 * curvature * start
        spread, log_det = self._spread(curvature)
        moved = (spread @ slope[:, :, None])[:, :, 0]
        value = value - (slope * moved).sum(1) / 2
        value = torch.where(torch.isfinite(value + log_det), value, -torch.inf)
        return Spot(mu, x, value, log_det, self.start - moved, spread, scale, ratio, found)

    def _spread(self, curvature: Tensor) -> tuple[Tensor, Tensor]:
        bends = curvature.shape[1]
        root = (2 * curvature).sqrt_()
        rows = root[:, :, None] * self.gram[:, :bends, :]
        system = -(rows[:, :, :bends] * root[:, None, :])
        system.diagonal(dim1=1, dim2=2).add_(1.0)
        factor, failed = torch.linalg.cholesky_ex(system)
        whitened = torch.linalg.solve_triangular(factor, rows, upper=False)
        log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return torch.baddbmm(self.gram, whitened.mT, whitened), torch.where(failed == 0, log_det, -torch.inf)

    def slopes(self, spot: Spot) -> Slopes:
        """Derivatives of D.

        By the envelope theorem ``D_xy = Q_xy - Q_xz H^-1 Q_zy`` for the minimised Q, and every ``Q_xz`` is a multiple
        of a weight vector, so only products of weight vectors are needed.
        """
        gradient = self.sign * spot.t
        gradient[:, -1] += self.constant
        found, bends = spot.majorants, self.bent.shape[1]
        if found is None:
            return Slopes(gradient, self.sign[:, :, None] * spot.spread * self.sign[:, None, :])
        t, bent, ratio = spot.t[:, :bends], self.bent, spot.ratio
        constant_rise, slope_rise, constant_bend, slope_bend = found.derivatives()
        rise = constant_rise + slope_rise * t
        bend = bent * ((constant_bend + slope_bend * t) / spot.scale).clamp_min(0.0)
        gradient[:, :bends] -= bent * (rise + t * t)
        gradient[:, -1] -= (self.heavy * (found.constant + found.slope * t - ratio * rise)).sum(1)
        inward, scaled = self.sign.clone(), torch.zeros_like(gradient)
        inward[:, :bends] -= bent * (slope_rise + 2 * t)
        scaled[:, :bends] = self.heavy * (ratio * slope_rise - found.slope)
        scaled[:, -1] = 1.0
        pull = (spot.spread @ scaled[:, :, None])[:, :, 0]
        curving = (inward[:, :, None] * spot.spread).mul_(inward[:, None, :])
        mixed, slant = inward * pull, self.heavy * ratio
        tail = slant * bend
        mixed[:, :bends] -= tail
        mixed[:, -1] = (scaled * pull).sum(1) + (tail * slant).sum(1)
        curving[:, -1, :] = curving[:, :, -1] = mixed
        curving.diagonal(dim1=1, dim2=2)[:, :bends] += bend
        return Slopes(gradient, curving)


@dc.dataclass(frozen=True, slots=True, eq=False)
class System:
    """A factor of symmetric matrices (B, E, E), scaled to a unit diagonal; of 2 where one is not positive definite."""

    factor: Tensor
    scale: Tensor

    @classmethod
    def of(cls, matrix: Tensor, damping: Tensor | None = None) -> "System":
        """The factor, with ``damping`` (B,) added to the unit diagonal; a row of zeros has no say."""
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        scale = torch.where(diagonal > 0, diagonal, torch.inf).rsqrt()
        system = matrix * scale[:, :, None] * scale[:, None, :]
        system.diagonal(dim1=1, dim2=2)[:] = 1.0 + 1e-13 if damping is None else (1.0 + 1e-13 + damping)[:, None]
        factor, failed = torch.linalg.cholesky_ex(system)
        if bool((failed > 0).any()):
            one = 2.0 * torch.eye(system.shape[1], dtype=system.dtype, device=system.device)
            factor = torch.where((failed > 0)[:, None, None], one, factor)
        return cls(factor, scale)

    def solve(self, right: Tensor) -> Tensor:
        """The solutions for ``right`` (B, E)."""
        return torch.cholesky_solve((right * self.scale)[:, :, None], self.factor)[:, :, 0] * self.scale
