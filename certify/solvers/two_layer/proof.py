"""Re-proves a radius from multipliers alone, in float64 with every rounding error bounded: trusts nothing of a search.

A node of a tree claims that no z with ``||z|| <= R`` and ``f(z) <= 0`` keeps the signs that were split on the way to
it. Its multipliers (any real ``slope`` v, any ``curvature`` om >= 0, any ``price`` lam > 0) prove, or bound:

1. On an enclosure ``l <= t <= u`` of a pre-activation, ``a relu(t) >= v t - om t^2 - top``, where ``top`` is the
   largest value of ``v t - om t^2 - a relu(t)``, attained at l, 0, u or a stationary point.
2. So ``f(z) + lam (||z||^2 - R^2)`` lies above the quadratic
   ``E(z) = c - sum top + sum v t - om t^2 + lam (||z||^2 - R^2)``, which is convex if
   ``lam - sigma`` exceeds the largest eigenvalue of ``sqrt(om) K sqrt(om)`` (a Cholesky factor exists; rump2006).
3. At ``z* = W^T y``, for any y, ``E >= E(z*) - ||grad E(z*)||^2 / (4 sigma)``. Positive: the node is empty.
4. Else every point that the node still holds has ``E <= 0``, so ``p = z - z*`` satisfies
   ``p^T M p <= -E(z*) + ||grad|| (R + ||z*||)``, ``M = lam - W^T om W``, and each pre-activation lies within
   ``sqrt(that * w^T M^-1 w)`` of its value at z*: a new enclosure, for the node's children.

NaN multipliers count as 0, negative curvatures too. Numbers near the ends of the range of float64 prove nothing.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.rounding import UNIT, gamma
from certify.solvers.two_layer.model import LARGEST, TwoLayer
from certify.solvers.two_layer.questions import Questions

_SIGMA = 1e-9

_LEAST = 1e-150
"""More than products that underflow can hide in one sum, up to factors of ``LARGEST``; its square is a float."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """For B nodes: ``slope``, ``curvature`` (B, G) and ``price`` (B,)."""

    slope: Tensor
    curvature: Tensor
    price: Tensor

    def sane(self) -> "Multipliers":
        """The same with NaN and infinities as 0 and curvatures not below 0; a bad price becomes 1."""
        slope = self.slope.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        curvature = self.curvature.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp_min(0.0)
        good = torch.isfinite(self.price) & (self.price > 0)
        return Multipliers(slope, curvature, torch.where(good, self.price, 1.0))

    def take(self, index: Tensor) -> "Multipliers":
        """The multipliers at ``index``."""
        return Multipliers(self.slope[index], self.curvature[index], self.price[index])


@dc.dataclass(frozen=True, slots=True, eq=False)
class Enclosures:
    """Bounds ``lower <= t <= upper`` (B, G) on the pre-activations of all points that a node may hold."""

    lower: Tensor
    upper: Tensor

    @property
    def empty(self) -> Tensor:
        """Which nodes (B,) hold no point at all."""
        return (self.lower > self.upper).any(1)


def ball(model: TwoLayer, asked: Questions, radius: Tensor) -> Enclosures:
    """The enclosures on the balls of ``radius`` (B,), rounded outwards."""
    reach = radius[:, None] * model.length * (1 + 4 * UNIT) + asked.start_error
    pad = 4 * UNIT * (asked.start.abs() + reach) + _LEAST
    return Enclosures(asked.start - reach - pad, asked.start + reach + pad)


class Step:
    """The multipliers of B nodes at work on their enclosures, at radius ``radius`` (B,)."""

    def __init__(
        self, model: TwoLayer, asked: Questions, enclosure: Enclosures, multipliers: Multipliers, radius: Tensor
    ) -> None:
        self._model, self._asked, self._box, self._radius = model, asked, enclosure, radius
        given = multipliers.sane()
        self._slope, self._curvature, self._price = given.slope, given.curvature, given.price
        self._gamma = 2 * gamma(model.terms + len(model.gram) + 32)
        self._root = self._curvature.sqrt()
        self._factor, self._convex = self._cholesky()
        self._y = self._minimiser()
        self._convex &= self._tame()
        self._moved = self._y @ model.gram
        self._blur = self._gamma * (model.length * self._y.abs()).sum(1, keepdim=True) * model.length + _LEAST
        self._sigma = _SIGMA * self._price
        self.energy = self._energy()
        self.gradient = self._gradient()

    def closed(self) -> Tensor:
        """Which nodes (B,) are proved empty."""
        low = self.energy - (1 + 8 * UNIT) * self.gradient**2 / (4 * self._sigma) - _LEAST
        return (self._convex & (low > 0)) | self._box.empty

    def tightened(self) -> Enclosures:
        """The enclosures that hold after this step; the old ones where it proves nothing."""
        price, length, box = self._price, self._model.length, self._box
        far = (1 + self._gamma) * (self._radius + (length * self._y.abs()).sum(1))
        room = ((1 + 32 * UNIT) * (self.gradient * far - self.energy)).clamp_min(0.0) + _LEAST
        width = (room[:, None] * self._inverse()).sqrt() * (1 + 16 * UNIT)
        start, moved = self._asked.start, self._moved
        pad = self._asked.start_error + self._blur + 16 * UNIT * (start.abs() + moved.abs() + width) + _LEAST
        useful = self._convex[:, None] & torch.isfinite(width) & (price > 0)[:, None]
        lower = torch.where(useful, start + moved - width - pad, box.lower)
        upper = torch.where(useful, start + moved + width + pad, box.upper)
        return Enclosures(torch.maximum(lower, box.lower), torch.minimum(upper, box.upper))

    def _cholesky(self) -> tuple[Tensor, Tensor]:
        """A factor of ``lam - sqrt(om) K sqrt(om)`` for solves, and whether it is > sigma in exact arithmetic."""
        system = -self._root[:, :, None] * self._model.gram * self._root[:, None, :]
        count = system.shape[1]
        load = (self._curvature * self._model.length**2).sum(1)
        pad = self._gamma * (load + count * self._price) + 2 * _SIGMA * self._price + _LEAST
        diagonal = system.diagonal(dim1=1, dim2=2)
        diagonal += (self._price - pad)[:, None]
        factor, failed = torch.linalg.cholesky_ex(system)
        convex = (failed == 0) & torch.isfinite(factor).all(2).all(1)
        return torch.where(convex[:, None, None], factor, torch.eye(count, dtype=system.dtype)), convex

    def _tame(self) -> Tensor:
        """Which nodes (B,) have numbers so far from the ends of float64 that ``_LEAST`` pays for underflow."""
        asked = self._asked
        sizes = torch.cat([asked.start, asked.weight, self._slope, self._root, self._y, asked.constant[:, None]], 1)
        scales = torch.stack([self._price, self._radius], 1)
        tame = (sizes.abs().amax(1) <= LARGEST) & (scales.amax(1) <= LARGEST) & (scales.amin(1) >= 1 / LARGEST)
        return tame & bool((self._model.length <= LARGEST).all())

    def _solve(self, right: Tensor) -> Tensor:
        return torch.cholesky_solve(right, self._factor)

    def _minimiser(self) -> Tensor:
        """Any y will do; this one is close to the minimiser of E. One step of refinement mends the shifted factor."""
        pulled = self._slope - 2 * self._curvature * self._asked.start
        y = torch.zeros_like(pulled)
        for _ in range(3):
            rest = pulled + 2 * self._price[:, None] * y - 2 * self._curvature * (y @ self._model.gram)
            inner = self._solve((self._root * (rest @ self._model.gram))[:, :, None])[:, :, 0]
            y = y - (rest + self._root * inner) / (2 * self._price[:, None])
        return y.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)

    def _tops(self) -> Tensor:
        """Upper bounds of ``v t - om t^2 - a relu(t)`` on the enclosures, for the rounded a."""
        lower, upper = self._box.lower, self._box.upper
        slope, curvature, weight = self._slope, self._curvature, self._asked.weight

        def top(slope: Tensor, low: Tensor, high: Tensor) -> Tensor:
            vertex = torch.where(curvature > 0, slope / (2 * curvature), torch.where(slope > 0, torch.inf, -torch.inf))
            t = torch.minimum(torch.maximum(vertex, low), high)
            return t * (slope - curvature * t)

        left = torch.where(lower <= 0, top(slope, lower, upper.clamp_max(0.0)), -torch.inf)
        right = torch.where(upper >= 0, top(slope - weight, lower.clamp_min(0.0), upper), -torch.inf)
        size = torch.maximum(lower.abs(), upper.abs())
        charge = 32 * UNIT * size * (slope.abs() + weight.abs() + curvature * size)
        return torch.maximum(left, right) + charge + _LEAST

    def _energy(self) -> Tensor:
        """A lower bound of E at ``W^T y``."""
        asked, box = self._asked, self._box
        size = torch.maximum(box.lower.abs(), box.upper.abs()) + asked.start_error
        tops = self._tops()
        slope, curvature, y, moved, blur = self._slope.abs(), self._curvature, self._y, self._moved, self._blur
        t = asked.start + moved
        value = (asked.constant - tops.sum(1)) + (t * (self._slope - curvature * t)).sum(1)
        value = value + self._price * ((y * moved).sum(1) - self._radius**2)
        wide = asked.start.abs() + moved.abs() + blur
        known = asked.constant_error + asked.reach_error * self._radius
        known = known + (asked.weight_error * box.upper.clamp_min(0.0)).sum(1)
        known = known + (asked.start_error * (slope + 2 * curvature * size)).sum(1)
        known = known + (blur * (slope + 2 * curvature * wide)).sum(1) + self._price * (y.abs() * blur).sum(1)
        terms = asked.constant.abs() + tops.abs().sum(1) + (wide * (slope + curvature * wide)).sum(1)
        terms = terms + self._price * ((y.abs() * wide).sum(1) + self._radius**2)
        bound = value - 1.01 * known - self._gamma * terms - _LEAST
        return torch.where(torch.isfinite(bound), bound, -torch.inf)

    def _gradient(self) -> Tensor:
        """An upper bound of ``||grad (E)||`` at ``W^T y``."""
        start, moved, blur, y = self._asked.start, self._moved, self._blur, self._y
        price = self._price[:, None]
        rest = self._slope - 2 * self._curvature * (start + moved) + 2 * price * y
        terms = self._slope.abs() + 2 * self._curvature * (start.abs() + moved.abs()) + 2 * price * y.abs()
        size = rest.abs() + 16 * UNIT * terms + 2 * self._curvature * blur
        return (1 + self._gamma) * (size * self._model.length).sum(1) + _LEAST

    def _inverse(self) -> Tensor:
        """Upper bounds (B, G) of ``w_i^T M^-1 w_i``: ``2 w.x - x^T M x + ||w - M x||^2 / sigma`` for any x."""
        gram, length, price = self._model.gram, self._model.length, self._price[:, None, None]
        one = torch.eye(len(gram), dtype=gram.dtype)
        inner = self._solve(self._root[:, :, None] * gram)
        mixed = (one + self._root[:, :, None] * inner) / price
        image = gram @ mixed
        blur = self._gamma * (length[:, None] * mixed.abs()).sum(1, keepdim=True) * length[:, None] + _LEAST
        curvature = self._curvature[:, :, None]
        value = 2 * image.diagonal(dim1=1, dim2=2)
        value = value - self._price[:, None] * (mixed * image).sum(1) + (curvature * image**2).sum(1)
        wide = image.abs() + blur
        error = 2 * blur.diagonal(dim1=1, dim2=2) + (price * mixed.abs() * blur + 2 * curvature * wide * blur).sum(1)
        terms = 2 * wide.diagonal(dim1=1, dim2=2) + (price * mixed.abs() * wide + curvature * wide**2).sum(1)
        rest = (one - price * mixed + curvature * image).abs() + curvature * blur
        rest = rest + 16 * UNIT * (one + price * mixed.abs() + curvature * image.abs())
        off = (1 + self._gamma) * (rest * length[:, None]).sum(1) + _LEAST
        upper = value + 1.01 * error + self._gamma * terms + (1 + 8 * UNIT) * off**2 / self._sigma[:, None]
        return upper.clamp_min(0.0)
