"""The Lagrangian bound of a batch of nodes as a concave function of its multipliers.

Everything lives in units where every weight vector has length 1 and the ball has radius 1; ``gram`` holds the cosines
between weight vectors. A node asks for the least ``|z|`` with ``f(z) = c + sum a_i relu(t_i) <= 0``,
``t_i = start_i + w_i . z``. With a multiplier ``mu`` for ``f`` and one variable x_i for each neuron,

    D = min over z of |z|^2 / 2 + mu c + sum_i (slope_i t_i - curvature_i t_i^2 - constant_i)

is at most half the squared answer. What x_i means depends on the neuron:

* convex side (a > 0): ``slope = x``, ``0 <= x <= mu a``;
* concave side, sign open: minus ``mu |a|`` times the least majorant of curvature ``x / (mu |a|)`` (``envelope.py``);
* sign split: ``slope = mu a`` or 0, and x >= 0 prices the sign of t;
* else nothing: the neuron is linear, ``slope = mu * base``.

D is concave in all of them together: the matrix ``1 - 2 sum curvature_i w_i w_i^T`` must stay positive definite.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.solvers.two_layer.envelope import Intervals


@dc.dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """B nodes over G neurons in unit scale.

    ``constant`` (B,) is c with the chords' constants; all else is (B, G): ``start``, coefficients ``weight`` (a), the
    enclosure ``lower``, ``upper`` of t, ``base`` (slope for mu = 1) and ``sign`` (slope for x = 1). ``convex`` marks
    x in [0, mu a], ``bent`` marks x as a curvature. ``bent_at`` (B, H) lists the bent neurons and ``used_at`` (B, U)
    those with a variable, bent ones first, each filled up with others.
    """

    gram: Tensor
    constant: Tensor
    start: Tensor
    weight: Tensor
    lower: Tensor
    upper: Tensor
    base: Tensor
    sign: Tensor
    convex: Tensor
    bent: Tensor
    bent_at: Tensor
    used_at: Tensor

    @classmethod
    def of(cls, gram: Tensor, constant: Tensor, **each: Tensor) -> "Nodes":
        """From the (B, G) fields; the lists are made here."""
        bent = each["bent"]
        used = (each["sign"] != 0) | bent
        return cls(gram, constant, **each, bent_at=_listed(bent, bent), used_at=_listed(used, bent))

    def take(self, index: Tensor) -> "Nodes":
        """The nodes at ``index``."""
        parts = {f.name: getattr(self, f.name)[index] for f in dc.fields(self) if f.name != "gram"}
        return Nodes(self.gram, **parts)

    @property
    def used(self) -> Tensor:
        """Which neurons have a variable, (B, G)."""
        return (self.sign != 0) | self.bent

    def majorants(self, mu: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Constants and slopes of the scaled majorants of the bent neurons (B, G); of others 0."""
        at, bent = self.bent_at, self.bent.gather(1, self.bent_at)
        scale = torch.where(bent, -mu[:, None] * self.weight.gather(1, at), 1.0)
        lower = torch.where(bent, self.lower.gather(1, at), -1.0)
        upper = torch.where(bent, self.upper.gather(1, at), 1.0)
        constant, slope = Intervals.of(lower, upper).lines(torch.where(bent, x.gather(1, at), 0.0) / scale)
        return self._spread_out(scale * constant), self._spread_out(scale * slope)

    def _spread_out(self, listed: Tensor) -> Tensor:
        """Numbers of the bent neurons (B, H) at their places (B, G), 0 elsewhere."""
        return torch.zeros_like(self.start).scatter(1, self.bent_at, listed) * self.bent


def _listed(mask: Tensor, first: Tensor) -> Tensor:
    most = int(mask.sum(1).amax()) if len(mask) else 0
    return torch.argsort(mask.to(torch.int8) + first.to(torch.int8), dim=1, descending=True, stable=True)[:, :most]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Point:
    """D at one choice of multipliers ``mu`` (B,), ``x`` (B, G), and the minimiser ``z = W^T direction``.

    ``value`` (B,) is minus infinity where the quadratic is not convex. ``slope``, ``curvature``, ``t`` are (B, G).
    ``whitened`` V (B, H, G) gives ``w_i^T (1 - 2 sum curvature w w^T)^-1 w_j`` as ``gram + V^T V``; ``log_det`` (B,) is
    the logarithm of the determinant.
    """

    mu: Tensor
    x: Tensor
    value: Tensor
    slope: Tensor
    curvature: Tensor
    direction: Tensor
    t: Tensor
    whitened: Tensor
    log_det: Tensor

    def take(self, index: Tensor) -> "Point":
        """The points at ``index``."""
        return Point(*(getattr(self, f.name)[index] for f in dc.fields(self)))

    def widths(self, nodes: Nodes) -> Tensor:
        """``w_i^T (1 - 2 sum curvature w w^T)^-1 w_i``, (B, G)."""
        return nodes.gram.diagonal() + (self.whitened**2).sum(1)


def evaluate(nodes: Nodes, mu: Tensor, x: Tensor) -> Point:
    """D and its minimiser."""
    constants, slopes = nodes.majorants(mu, x)
    curvature = torch.where(nodes.bent, x, 0.0)
    slope = torch.where(nodes.bent, -slopes, mu[:, None] * nodes.base + nodes.sign * x)
    offset = mu * nodes.constant - constants.sum(1)
    direction, whitened, log_det = _minimise(nodes, slope, curvature)
    moved = direction @ nodes.gram
    t = nodes.start + moved
    value = offset + (direction * moved).sum(1) / 2 + (t * (slope - curvature * t)).sum(1)
    value = torch.where(torch.isfinite(value) & torch.isfinite(log_det), value, -torch.inf)
    return Point(mu, x, value, slope, curvature, direction, t, whitened, log_det)


def _minimise(nodes: Nodes, slope: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The minimiser in Gram coordinates, the whitened rows and the logarithm of the determinant (-inf: not convex)."""
    at, pulled = nodes.bent_at, slope - 2 * curvature * nodes.start
    if not at.shape[1]:
        return -pulled, pulled.new_zeros(len(pulled), 0, pulled.shape[1]), torch.zeros_like(pulled[:, 0])
    root = (2 * curvature.gather(1, at)).sqrt()
    half = root[:, :, None] * nodes.gram[at]
    one = torch.eye(at.shape[1], dtype=root.dtype, device=root.device)
    system = one - root[:, :, None] * nodes.gram[at[:, :, None], at[:, None, :]] * root[:, None, :]
    factor, failed = torch.linalg.cholesky_ex(system)
    convex = (failed == 0) & torch.isfinite(system).all(2).all(1)
    factor = torch.where(convex[:, None, None], factor, one)
    whitened = torch.linalg.solve_triangular(factor, half, upper=False)
    inner = torch.linalg.solve_triangular(factor.mT, whitened @ pulled[:, :, None], upper=True)[:, :, 0]
    log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
    direction = (-pulled).scatter_add(1, at, -root * inner)
    return direction, whitened, torch.where(convex, log_det, -torch.inf)


def repriced(nodes: Nodes, point: Point, price: float) -> Point:
    """The same relaxation with ``price`` times the weight on ``|z|^2 <= 1``, all divided by ``price``.

    No better as a bound, but its ellipsoid is rounder, and holds all that the node holds just the same.
    """
    slope, curvature = point.slope / price, point.curvature / price
    moved = point.direction @ nodes.gram
    offset = point.value - (point.direction * moved).sum(1) / 2
    offset = (offset - (point.t * (point.slope - point.curvature * point.t)).sum(1)) / price
    direction, whitened, log_det = _minimise(nodes, slope, curvature)
    moved = direction @ nodes.gram
    t = nodes.start + moved
    value = offset + (direction * moved).sum(1) / 2 + (t * (slope - curvature * t)).sum(1)
    return Point(point.mu / price, point.x / price, value, slope, curvature, direction, t, whitened, log_det)


def losses(nodes: Nodes, point: Point) -> Tensor:
    """By how much each open neuron's majorant exceeds it at the minimiser, (B, G): what a split could gain."""
    constants, slopes = nodes.majorants(point.mu, point.x)
    above = constants + point.t * (slopes + point.curvature * point.t)
    load, lower, upper = point.mu[:, None] * nodes.weight, nodes.lower, nodes.upper
    chord = -load * upper * (point.t - lower) / (upper - lower)
    open_ = (nodes.weight < 0) & (lower < 0) & (upper > 0)
    loss = torch.where(nodes.bent, above, chord) + load * point.t.clamp_min(0.0)
    return torch.where(open_, loss, 0.0)
