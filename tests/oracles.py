"""Slow and obviously right: margins and robust radii of tiny networks in exact rational arithmetic.

Nothing here shares code with what it judges. A ReLU network is affine on each activation pattern; the patterns that a
region meets are enumerated, and each one is a linear program or a projection over ``Fraction``. Meant for at most 3
inputs and about 6 ReLUs; ``tests.strategies`` makes random problems of that size.
"""

import dataclasses as dc
import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import scipy.sparse as sp

from certify.network import Add, Affine, Conv2d, Linear, Network, ReLU
from certify.region import Box, Norm
from tests.rational_lp import ONE, ZERO, Halfspaces, Vector, dot, minimise, project, rational


@functools.lru_cache(maxsize=256)
def dense(op: Linear) -> tuple[list[Vector], Vector]:
    """The matrix and the bias of an affine or convolution op, entry by entry."""
    if isinstance(op, Affine):
        matrix = op.weight.toarray() if isinstance(op.weight, sp.csr_array) else op.weight
        return [rational(row) for row in matrix], rational(op.bias)
    _, height, width = op.image
    channels, out_height, out_width = op.output_image
    per_group_in, per_group_out = op.weight.shape[1], channels // op.groups
    rows: list[Vector] = []
    for o, y, x in itertools.product(range(channels), range(out_height), range(out_width)):
        row = [ZERO] * op.input_width
        for i, ky, kx in np.ndindex(*op.weight.shape[1:]):
            channel = o // per_group_out * per_group_in + i
            v = y * op.stride[0] - op.padding[0] + ky * op.dilation[0]
            h = x * op.stride[1] - op.padding[1] + kx * op.dilation[1]
            if 0 <= v < height and 0 <= h < width:
                row[(channel * height + v) * width + h] += Fraction(float(op.weight[o, i, ky, kx]))
        rows.append(row)
    return rows, [Fraction(float(op.bias[o])) for o in range(channels) for _ in range(out_height * out_width)]


def evaluate(network: Network, point: "np.ndarray | Sequence[float | Fraction]") -> Vector:
    """The outputs at one rational point."""
    values = [rational(point)]
    for node in network.nodes:
        reads = [values[k] for k in node.inputs]
        match node.op:
            case Affine() | Conv2d() as op:
                matrix, bias = dense(op)
                values.append([dot(row, reads[0]) + b for row, b in zip(matrix, bias, strict=True)])
            case Add():
                values.append([a + b for a, b in zip(*reads, strict=True)])
            case ReLU():
                values.append([max(a, ZERO) for a in reads[0]])
    return values[-1]


Form = tuple[Vector, Fraction]
"""The affine function ``x -> coefficients @ x + constant``."""


@dc.dataclass(frozen=True)
class Piece:
    """A polyhedron with a point of it, and the values of a network so far, affine there."""

    region: Halfspaces
    point: Vector
    values: tuple[list[Form], ...]

    def with_value(self, value: list[Form]) -> "Piece":
        """The piece with one more value."""
        return dc.replace(self, values=(*self.values, value))


def combine(weights: Sequence[Fraction], forms: Sequence[Form], constant: Fraction = ZERO) -> Form:
    """``weights @ forms + constant``."""
    used = [(w, form) for w, form in zip(weights, forms, strict=True) if w]
    coefficients = [sum((w * f[0][j] for w, f in used), ZERO) for j in range(len(forms[0][0]))]
    return coefficients, sum((w * f[1] for w, f in used), constant)


def pieces(network: Network, region: Halfspaces) -> list[Piece]:
    """Polyhedra that cover the region, on each of which the network is affine; the last value is its output."""
    start = minimise([ZERO] * region.width, region)
    n = network.input_width
    inputs: list[Form] = [([ONE if i == j else ZERO for j in range(region.width)], ZERO) for i in range(n)]
    states = [Piece(region, start[1], (inputs,))] if start else []
    for node in network.nodes:
        match node.op:
            case Affine() | Conv2d() as op:
                matrix, bias = dense(op)
                k = node.inputs[0]
                states = [
                    s.with_value([combine(row, s.values[k], b) for row, b in zip(matrix, bias, strict=True)])
                    for s in states
                ]
            case Add():
                i, j = node.inputs
                states = [
                    s.with_value([combine((ONE, ONE), pair) for pair in zip(s.values[i], s.values[j], strict=True)])
                    for s in states
                ]
            case ReLU():
                states = [part for s in states for part in _rectified(s, s.values[node.inputs[0]])]
    return states


def _rectified(piece: Piece, forms: list[Form]) -> Iterator[Piece]:
    parts: list[tuple[Piece, list[Form]]] = [(piece, [])]
    for form in forms:
        parts = [(side, [*done, value]) for part, done in parts for side, value in _sides(part, form)]
    return (part.with_value(done) for part, done in parts)


def _sides(piece: Piece, form: Form) -> Iterator[tuple[Piece, Form]]:
    """The non-empty parts of the piece where the form is >= 0 and <= 0, with the form's positive part there."""
    row, constant = form
    for sign, value in ((-1, form), (1, ([ZERO] * len(row), ZERO))):
        if not any(row):
            if constant * sign <= 0:
                yield piece, value
                return
            continue
        region = piece.region.with_row([sign * a for a in row], -sign * constant)
        found = (ZERO, piece.point) if region.contains(piece.point) else minimise([ZERO] * region.width, region)
        if found:
            yield dc.replace(piece, region=region, point=found[1]), value


def box_region(domain: Box | None, width: int) -> Halfspaces:
    """The domain as inequalities; infinite ends give none."""
    region = Halfspaces(width)
    for i, (low, high) in enumerate(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True) if domain else ()):
        unit = [ONE if i == j else ZERO for j in range(width)]
        region = region.with_row(unit, Fraction(high)) if math.isfinite(high) else region
        region = region.with_row([-a for a in unit], -Fraction(low)) if math.isfinite(low) else region
    return region


def facets(norm: Norm, width: int) -> list[Vector]:
    """Vectors g with ``||z|| = max_g g @ z`` for the linf or l1 norm."""
    if norm is Norm.L1:
        return [list(signs) for signs in itertools.product((ONE, -ONE), repeat=width)]
    assert norm is Norm.LINF
    return [[sign if i == j else ZERO for j in range(width)] for i in range(width) for sign in (ONE, -ONE)]


def min_margin(
    network: Network,
    centre: "np.ndarray | Sequence[float | Fraction]",
    radius: "float | Fraction",
    norm: Norm,
    row: "np.ndarray | Sequence[float | Fraction]",
    offset: "float | Fraction",
    domain: Box | None = None,
) -> Fraction:
    """The least ``row @ network(x) + offset`` over the linf or l1 ball cut by the domain, exactly.

    Raises:
        ValueError: ball and domain do not meet.
    """
    middle, n = rational(centre), network.input_width
    region = box_region(domain, n)
    for facet in facets(norm, n):
        region = region.with_row(facet, dot(facet, middle) + Fraction(radius))
    best: Fraction | None = None
    for piece in pieces(network, region):
        coefficients, constant = combine(rational(row), piece.values[-1], Fraction(offset))
        found = minimise(coefficients, piece.region)
        assert found is not None, "a piece is not empty"
        best = found[0] + constant if best is None else min(best, found[0] + constant)
    if best is None:
        raise ValueError("the ball and the domain have no point in common")
    return best


def robust_radius(
    network: Network,
    centre: "np.ndarray | Sequence[float | Fraction]",
    rows: "np.ndarray | Sequence[Sequence[float | Fraction]]",
    offsets: "np.ndarray | Sequence[float | Fraction]",
    norm: Norm,
    domain: Box | None = None,
) -> Fraction | None:
    """The least linf or l1 distance to a point of the domain where some row's margin is <= 0; None if there is none."""
    middle, n = rational(centre), network.input_width
    distances: list[Fraction] = []
    for broken in _broken(network, rows, offsets, domain):
        region = Halfspaces(n + 1, tuple((*row, ZERO) for row in broken.rows), broken.limits)
        for facet in facets(norm, n):  # the last coordinate is the distance
            region = region.with_row([*facet, -ONE], dot(facet, middle))
        found = minimise([*[ZERO] * n, ONE], region)
        distances += [found[0]] if found else []
    return min(distances, default=None)


def robust_radius_squared(
    network: Network,
    centre: "np.ndarray | Sequence[float | Fraction]",
    rows: "np.ndarray | Sequence[Sequence[float | Fraction]]",
    offsets: "np.ndarray | Sequence[float | Fraction]",
    domain: Box | None = None,
) -> Fraction | None:
    """The least squared l2 distance to a point of the domain where some row's margin is <= 0; None if there is none."""
    middle = rational(centre)
    found = (project(middle, broken) for broken in _broken(network, rows, offsets, domain))
    return min((answer[0] for answer in found if answer), default=None)


def _broken(
    network: Network,
    rows: "np.ndarray | Sequence[Sequence[float | Fraction]]",
    offsets: "np.ndarray | Sequence[float | Fraction]",
    domain: Box | None,
) -> Iterator[Halfspaces]:
    """Polyhedra, some of them empty, whose union is where some margin is <= 0."""
    margins = [(rational(row), Fraction(offset)) for row, offset in zip(rows, rational(offsets), strict=True)]
    for piece in pieces(network, box_region(domain, network.input_width)):
        for row, offset in margins:
            coefficients, constant = combine(row, piece.values[-1], offset)
            yield piece.region.with_row(coefficients, -constant)
