"""Small seeded networks and questions about them, and their margins in rational arithmetic by the definition."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import scipy.sparse as sp

from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm


def chain(widths: tuple[int, ...], seed: int) -> Network:
    """A fully connected network with Gaussian weights of unit gain."""
    rng = np.random.default_rng(seed)
    ops: list[Affine | ReLU] = []
    for n, m in pairwise(widths):
        ops += [Affine(rng.normal(size=(m, n)) / np.sqrt(n), 0.2 * rng.normal(size=m)), ReLU(m)]
    return Network.chain(ops[:-1])


def convolution(seed: int) -> Network:
    """A 2x4x4 image through a strided convolution to 3 classes."""
    rng = np.random.default_rng(seed)
    conv = Conv2d(rng.normal(size=(3, 2, 3, 3)) / 4, 0.1 * rng.normal(size=3), (2, 4, 4), (2, 2), (1, 1))
    width = conv.output_width
    last = Affine(rng.normal(size=(3, width)) / np.sqrt(width), 0.1 * rng.normal(size=3))
    return Network.chain([conv, ReLU(width), last], (2, 4, 4))


def residual(seed: int) -> Network:
    """x -> A relu(B x) + x, then 2 classes."""
    rng = np.random.default_rng(seed)
    first = Affine(rng.normal(size=(6, 4)) / 2, 0.2 * rng.normal(size=6))
    second = Affine(rng.normal(size=(4, 6)) / 2.5, np.zeros(4))
    last = Affine(rng.normal(size=(2, 4)), 0.1 * rng.normal(size=2))
    nodes = (
        Node(first, (0,)),
        Node(ReLU(6), (1,)),
        Node(second, (2,)),
        Node(Add(4), (3, 0)),
        Node(ReLU(4), (4,)),
        Node(last, (5,)),
    )
    return Network((4,), nodes)


def sparse(seed: int) -> Network:
    """A chain whose first matrix is stored as CSR."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(8, 6)) * (rng.uniform(size=(8, 6)) < 0.5)
    first = Affine(sp.csr_array(weight), 0.2 * rng.normal(size=8))
    return Network.chain([first, ReLU(8), Affine(rng.normal(size=(3, 8)) / 3, np.zeros(3))])


def exponent(norm: Norm) -> int | str:
    """The norm as cvxpy wants it."""
    return "inf" if norm is Norm.LINF else int(norm.value)


def question(network: Network, norm: Norm, *, box: bool, radius: float = np.inf, count: int = 6) -> Queries:
    """Whether the predictions at some seeded points of the unit cube are robust."""
    points = np.random.default_rng(7).uniform(size=(count, network.input_width))
    domain = Box.uniform(0.0, 1.0, network.input_width) if box else None
    return robustness(network, points, predictions(network, points), norm=norm, radius=radius, domain=domain)


def rational_outputs(network: Network, point: list[Fraction]) -> list[Fraction]:
    """The network's outputs over the rationals, one multiplication after the other."""
    values = [point]
    for node in network.nodes:
        reads = [values[k] for k in node.inputs]
        match node.op:
            case Affine() as op:
                weight = op.weight.toarray() if isinstance(op.weight, sp.csr_array) else op.weight
                values.append(
                    [_dot(row, reads[0]) + Fraction(float(b)) for row, b in zip(weight, op.bias, strict=True)]
                )
            case Conv2d() as op:
                values.append(_convolve(op, reads[0]))
            case Add():
                values.append([a + b for a, b in zip(*reads, strict=True)])
            case ReLU():
                values.append([max(a, Fraction(0)) for a in reads[0]])
    return values[-1]


def rational_margin(queries: Queries, i: int, point: np.ndarray) -> Fraction:
    """The smallest margin of question i at a float64 point, over the rationals."""
    outputs = rational_outputs(queries.network, [Fraction(float(a)) for a in point])
    pairs = zip(queries.rows[i], queries.offsets[i], strict=True)
    return min(_dot(row, outputs) + Fraction(float(offset)) for row, offset in pairs)


def _dot(row: np.ndarray, values: list[Fraction]) -> Fraction:
    return sum((Fraction(float(a)) * b for a, b in zip(row, values, strict=True)), Fraction(0))


def _convolve(op: Conv2d, image: list[Fraction]) -> list[Fraction]:
    channels, height, width = op.image
    outputs: list[Fraction] = []
    for o, y, x in product(*(range(size) for size in op.output_image)):
        total = Fraction(float(op.bias[o]))
        for c, dy, dx in product(range(channels), range(op.weight.shape[2]), range(op.weight.shape[3])):
            row, column = y * op.stride[0] + dy - op.padding[0], x * op.stride[1] + dx - op.padding[1]
            if 0 <= row < height and 0 <= column < width:
                total += Fraction(float(op.weight[o, c, dy, dx])) * image[(c * height + row) * width + column]
        outputs.append(total)
    return outputs
