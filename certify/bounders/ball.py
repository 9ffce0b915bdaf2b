"""Minimising linear functions over a ball cut by a box: in closed form or by duality, batched, with rounding bounded.

Every formula here is a dual bound, hence valid for whatever multipliers floating point produced: for any split
``A = G + H``, ``min over ball and box of A.z >= -radius * ||G||_q + sum_i min(H_i a_i, H_i b_i)`` with ``a <= z <= b``
the box around the centre and 1/p + 1/q = 1.
"""

import dataclasses as dc
import math

import torch
from torch import Tensor

from certify.bounders.charges import LEAST, length
from certify.query import Queries
from certify.region import Norm
from certify.rounding import UNIT, gamma
from certify.tensor_network import DenseMap, TensorNetwork

_SWEEPS = 2
"""Fixed-point steps for the price in an l2 ball cut by a box; each one tightens the bound, none is needed for it."""

_NARROW, _STEPS = 16, 8
"""Up to this many coordinates the fixed point is far off after so few sweeps: there, this many steps of Newton."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class BallBatch:
    """B balls ``||x - centre||_p <= radius`` with the box hull of each ball and the domain.

    Shapes: ``centre``, ``lower``, ``upper`` (B, n), ``radius`` (B,). ``cut`` says whether a domain cuts the balls.
    With ``rounded`` the hull is rounded outwards and every minimum accounts for its rounding.
    """

    centre: Tensor
    radius: Tensor
    norm: Norm
    lower: Tensor
    upper: Tensor
    cut: bool
    rounded: bool

    @classmethod
    def of(cls, queries: Queries, network: TensorNetwork, *, rounded: bool) -> "BallBatch":
        """The regions of ``queries`` as tensors of ``network``'s dtype; the centres must lie in the domain."""
        centre = network.tensor(queries.centres)
        radius = network.tensor(queries.radii)
        domain = queries.domain
        unbounded = torch.full_like(centre[0], math.inf)
        low = -unbounded if domain is None else network.tensor(domain.lower)
        high = unbounded if domain is None else network.tensor(domain.upper)
        return cls._hull(centre, radius, queries.norm, (low, high), domain is not None, rounded)

    @classmethod
    def box(cls, lower: Tensor, upper: Tensor) -> "BallBatch":
        """Boxes (B, n) as linf balls, with rounding accounted for."""
        centre, radius = (lower + upper) / 2, (upper - lower).amax(1)
        return cls(centre, radius, Norm.LINF, lower, upper, True, True)

    @classmethod
    def _hull(
        cls, centre: Tensor, radius: Tensor, norm: Norm, within: tuple[Tensor, Tensor], cut: bool, rounded: bool
    ) -> "BallBatch":
        lower, upper = centre - radius[:, None], centre + radius[:, None]
        if rounded:
            lower, upper = _down(lower), _up(upper)
        lower, upper = torch.maximum(lower, within[0]), torch.minimum(upper, within[1])
        return cls(centre, radius, norm, lower, upper, cut, rounded)

    def shrunk(self, radius: Tensor) -> "BallBatch":
        """The same centres and domain at radii (B,) no larger than the present ones."""
        return self._hull(self.centre, radius, self.norm, (self.lower, self.upper), self.cut, self.rounded)

    def take(self, index: Tensor) -> "BallBatch":
        """The balls at ``index``."""
        part = (self.centre[index], self.radius[index], self.norm, self.lower[index], self.upper[index])
        return BallBatch(*part, self.cut, self.rounded)

    @property
    def magnitude(self) -> Tensor:
        """The largest |x_i| in the hull, (B, n)."""
        return torch.maximum(self.lower.abs(), self.upper.abs())

    def minimum(self, coefficients: Tensor) -> Tensor:
        """A lower bound (B, R) of ``coefficients @ x`` for rows (B, R, n), tight up to rounding.

        Exact for a linf ball with or without a domain and for l1 and l2 balls without one; with one it is the dual
        bound at a nearly optimal multiplier.
        """
        if self.norm is Norm.LINF:
            value = self._over_hull(coefficients)
        else:
            value = _times(coefficients, self.centre) - self._reach(coefficients)
        if not self.rounded:
            return value
        reach = length(self.magnitude, dim=1) + length(self.centre, dim=1) + self.radius
        size = length(coefficients, dim=2) * reach[:, None]
        return value - 8 * gamma(coefficients.shape[-1] + 32) * size - 4 * UNIT * value.abs() - LEAST

    def image(self, linear: DenseMap, centre: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds (B, m) of ``linear`` on l1 and l2 balls that no domain cuts, exact up to rounding.

        ``centre`` (B, m) is its value at the centres. One pass over the weights serves all balls.
        """
        order = 2.0 if self.norm is Norm.L2 else math.inf
        reach = torch.linalg.vector_norm(linear.weight, ord=order, dim=1) * self.radius[:, None]
        if self.rounded:
            size = length(linear.weight, dim=1) * (length(self.centre, dim=1) + self.radius)[:, None]
            reach = reach + 8 * gamma(linear.row_terms + 32) * size + LEAST
            reach = reach + 16 * UNIT * (centre.abs() + linear.bias.abs() + reach)
        return centre - reach, centre + reach

    def _over_hull(self, coefficients: Tensor) -> Tensor:
        middle = (self.lower + self.upper) / 2
        half = torch.maximum(self.upper - middle, middle - self.lower)
        if self.rounded:
            half = _up(half)
        return _times(coefficients, middle) - _times(coefficients.abs(), half)

    def _reach(self, coefficients: Tensor) -> Tensor:
        """An upper bound (B, R) of ``-min coefficients @ z`` over the offsets z = x - centre."""
        l2 = self.norm is Norm.L2
        if not self.cut:
            order = 2.0 if l2 else math.inf
            return torch.linalg.vector_norm(coefficients, ord=order, dim=2) * self.radius[:, None]
        low, high = self.lower - self.centre, self.upper - self.centre
        if self.rounded:
            low, high = _down(low), _up(high)
        return (
            _l2_reach(coefficients, low, high, self.radius) if l2 else _l1_reach(coefficients, low, high, self.radius)
        )


def _l2_reach(a: Tensor, low: Tensor, high: Tensor, radius: Tensor) -> Tensor:
    """Dual bound for an l2 ball cut by a box: coordinates share the ball up to the room that the box leaves them.

    With ``room_i`` the way to the box in the direction of -a_i, any price >= 0 and ``g = min(|a|, price * room)`` the
    bound is ``radius * ||g|| + sum (|a| - g) room``; it is tight where ``||g|| = price * radius``.
    """
    size = a.abs()
    room = torch.where(a > 0, -low[:, None, :], high[:, None, :]).clamp_min(0.0)
    with torch.no_grad():  # the bound is stationary in the price, so its gradient does not need this
        price = _l2_price(size, room, radius[:, None].clamp_min(math.sqrt(torch.finfo(a.dtype).tiny)))
    on_ball = torch.minimum(room * price[:, :, None], size)
    return torch.linalg.vector_norm(on_ball, dim=2) * radius[:, None] + ((size - on_ball) * room).sum(2)


def _l2_price(size: Tensor, room: Tensor, reach: Tensor) -> Tensor:
    """The price (B, R) with ``||min(size, price * room)|| = price * reach``, nearly, from above.

    In its square the equation is concave and piecewise linear, so that Newton's steps fall and end after a few pieces;
    each takes three times as long as a step of the fixed point, which is as good where coordinates are many.
    """
    price = torch.linalg.vector_norm(size, dim=2) / reach
    if size.shape[2] <= _NARROW:
        for _ in range(_STEPS):
            inside = room * price[:, :, None] >= size
            free = torch.linalg.vector_norm(size * inside, dim=2) / reach
            held = torch.linalg.vector_norm(room.masked_fill(inside, 0.0), dim=2) / reach
            left = (1 - held.square()).clamp_min(torch.finfo(size.dtype).eps).sqrt()
            price = torch.minimum(price, free / left)
        return price
    share = torch.empty_like(size)
    for _ in range(_SWEEPS):
        torch.minimum(torch.mul(room, price[:, :, None], out=share), size, out=share)
        price = torch.linalg.vector_norm(share, dim=2) / reach
    return price


def _l1_reach(a: Tensor, low: Tensor, high: Tensor, radius: Tensor) -> Tensor:
    """Dual bound for an l1 ball cut by a box: spend the radius on the largest coefficients first, up to the box."""
    room = torch.where(a > 0, -low[:, None, :], high[:, None, :]).clamp_min(0.0)
    size, order = a.abs().sort(dim=2, descending=True)
    spent = room.gather(2, order).cumsum(2)
    last = (spent < radius[:, None, None]).sum(2, keepdim=True).clamp_max(a.shape[2] - 1)
    price = torch.where(spent[:, :, -1:] > radius[:, None, None], size.gather(2, last), 0.0)
    return (price[:, :, 0] * radius[:, None]) + ((a.abs() - price).clamp_min(0.0) * room).sum(2)


def _times(rows: Tensor, vector: Tensor) -> Tensor:
    """``rows @ vector`` for (B, R, n) and (B, n): (B, R)."""
    return torch.bmm(rows, vector[:, :, None])[:, :, 0]


def _down(x: Tensor) -> Tensor:
    return torch.nextafter(x, torch.full_like(x, -math.inf))


def _up(x: Tensor) -> Tensor:
    return torch.nextafter(x, torch.full_like(x, math.inf))
