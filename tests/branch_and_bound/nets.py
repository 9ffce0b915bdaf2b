"""Networks and questions that branch and bound is tried on."""

import itertools

import numpy as np

from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm


def dense(widths: tuple[int, ...], seed: int) -> Network:
    """Affine and ReLU layers with normal weights."""
    rng = np.random.default_rng(seed)
    ops: list[Affine | ReLU] = []
    for n, m in itertools.pairwise(widths):
        ops += [Affine(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) / 4), ReLU(m)]
    return Network.chain(ops[:-1])


def residual(seed: int) -> Network:
    """Two inputs, a block ``x + A relu(B x)`` with eight units, a ReLU and a read-out."""
    rng = np.random.default_rng(seed)

    def affine(n: int, m: int) -> Affine:
        return Affine(rng.normal(size=(m, n)), rng.normal(size=m) / 2)

    nodes = (
        Node(affine(4, 6), (0,)),
        Node(affine(6, 8), (1,)),
        Node(ReLU(8), (2,)),
        Node(affine(8, 6), (3,)),
        Node(Add(6), (1, 4)),
        Node(ReLU(6), (5,)),
        Node(affine(6, 3), (6,)),
    )
    return Network((4,), nodes)


def convolutional(seed: int) -> Network:
    """A 5 x 5 image, two strided convolutions, a read-out of three classes."""
    rng = np.random.default_rng(seed)
    first = Conv2d(rng.normal(size=(3, 1, 2, 2)), rng.normal(size=3) / 2, (1, 5, 5), (1, 1), (0, 0))
    second = Conv2d(rng.normal(size=(2, 3, 2, 2)) / 3, rng.normal(size=2) / 2, first.output_image, (2, 2))
    width = second.output_width
    read_out = Affine(rng.normal(size=(3, width)), rng.normal(size=3) / 2)
    ops = [first, ReLU(first.output_width), second, ReLU(width), read_out]
    return Network.chain(ops, input_shape=(1, 5, 5))


def spike(steepness: float, at: float, height: float) -> Network:
    """``1 - height * hat(steepness * (x - at))``: 1 nearly everywhere, ``1 - height`` at one point."""
    first = Affine(np.full((3, 1), steepness), np.array([1.0, 0.0, -1.0]) - steepness * at)
    return Network.chain([first, ReLU(3), Affine(height * np.array([[-1.0, 2.0, -1.0]]), np.array([1.0]))])


def positive(network: Network, box: Box, *, offset: float = 0.0) -> Queries:
    """Whether a network with one output is > -offset on a box."""
    centre, radius = (box.lower + box.upper) / 2, float(np.max(box.upper - box.lower))
    row, shift = np.ones((1, 1, 1)), np.full((1, 1), offset)
    return Queries(network, centre[None, :], np.array([radius]), Norm.LINF, row, shift, box)


def questions(network: Network, count: int, *, norm: Norm, radius: float, seed: int = 0) -> Queries:
    """Whether predictions stay the same around random points of the cube [0, 1]."""
    points = np.random.default_rng(seed).uniform(size=(count, network.input_width))
    domain = Box.uniform(0.0, 1.0, network.input_width)
    labels = predictions(network, points)
    return robustness(network, points, labels, norm=norm, radius=radius, domain=domain)
