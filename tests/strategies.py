"""Hypothesis strategies for tiny problems over dyadic numbers, small enough for ``tests.oracles``."""

import dataclasses as dc

import hypothesis.strategies as st
import numpy as np

from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from certify.query import Queries, robustness
from certify.region import Box, Norm
from tests.oracles import evaluate


@dc.dataclass(frozen=True)
class Problem:
    """One robustness question; ``point`` is flat, ``label`` the prediction there (a tie is possible)."""

    network: Network
    point: np.ndarray
    label: int
    norm: Norm
    radius: float
    domain: Box | None

    def queries(self) -> Queries:
        """The question as a batch of one."""
        return robustness(
            self.network, self.point[None, :], [self.label], norm=self.norm, radius=self.radius, domain=self.domain
        )


def dyadic(limit: int = 2, parts: int = 8) -> st.SearchStrategy[float]:
    """Multiples of ``1 / parts`` between ``-limit`` and ``limit``."""
    return st.integers(-limit * parts, limit * parts).map(lambda k: k / parts)


def arrays(*shape: int) -> st.SearchStrategy[np.ndarray]:
    """Arrays of dyadic numbers."""
    size = int(np.prod(shape))
    return st.lists(dyadic(), min_size=size, max_size=size).map(lambda numbers: np.array(numbers).reshape(shape))


def affines(inputs: int, outputs: int) -> st.SearchStrategy[Affine]:
    """Dense affine maps."""
    return st.builds(Affine, arrays(outputs, inputs), arrays(outputs))


@st.composite
def chains(draw: st.DrawFn) -> Network:
    """Affine and ReLU layers in turn: 1 to 3 inputs, one hidden layer of up to 5 units or two of up to 3."""
    inputs = draw(st.integers(1, 3))
    hidden = draw(st.one_of(st.tuples(st.integers(1, 5)), st.tuples(st.integers(1, 3), st.integers(1, 3))))
    ops: list[Affine | ReLU] = []
    width = inputs
    for units in hidden:
        ops += [draw(affines(width, units)), ReLU(units)]
        width = units
    return Network.chain([*ops, draw(affines(width, draw(st.integers(1, 3))))])


@st.composite
def residual_nets(draw: st.DrawFn) -> Network:
    """A block ``x + A relu(B x)`` behind an affine map, then a ReLU and a read-out."""
    inputs, width, units = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    nodes = (
        Node(draw(affines(inputs, width)), (0,)),
        Node(draw(affines(width, units)), (1,)),
        Node(ReLU(units), (2,)),
        Node(draw(affines(units, width)), (3,)),
        Node(Add(width), draw(st.sampled_from([(1, 4), (4, 1)]))),
        Node(ReLU(width), (5,)),
        Node(draw(affines(width, draw(st.integers(1, 3)))), (6,)),
    )
    return Network((inputs,), nodes)


@st.composite
def conv_nets(draw: st.DrawFn) -> Network:
    """A padded convolution over three numbers, as one row of three or as three channels in groups, then a read-out."""
    if draw(st.booleans()):
        channels = draw(st.integers(1, 2))
        kernel, padding = draw(arrays(channels, 1, 1, 2)), draw(st.sampled_from([(0, 0), (0, 1)]))
        convolution = Conv2d(
            kernel, draw(arrays(channels)), (1, 1, 3), draw(st.sampled_from([(1, 1), (1, 2)])), padding
        )
    else:
        convolution = Conv2d(draw(arrays(3, 1, 1, 1)), draw(arrays(3)), (3, 1, 1), groups=3)
    units = convolution.output_width
    return Network.chain(
        [convolution, ReLU(units), draw(affines(units, draw(st.integers(1, 3))))], input_shape=convolution.image
    )


def networks() -> st.SearchStrategy[Network]:
    """Any of the tiny networks."""
    return st.one_of(chains(), residual_nets(), conv_nets())


def points(width: int) -> st.SearchStrategy[np.ndarray]:
    """Points of the cube [-1, 1]."""
    return st.lists(dyadic(1, 16), min_size=width, max_size=width).map(np.array)


def radii() -> st.SearchStrategy[float]:
    """Radii in [1/32, 2]."""
    return st.integers(1, 64).map(lambda k: k / 32)


def predicted(network: Network, point: np.ndarray) -> int:
    """The class with the largest exact output; 1 for a single positive output, else 0."""
    values = evaluate(network, point)
    return int(values[0] > 0) if len(values) == 1 else values.index(max(values))


@st.composite
def problems(
    draw: st.DrawFn,
    nets: st.SearchStrategy[Network] | None = None,
    norms: tuple[Norm, ...] = tuple(Norm),
    cut: bool | None = None,
) -> Problem:
    """A question about a point of [-1, 1]^n; the domain is that cube or none, as ``cut`` says (None: either)."""
    network = draw(networks() if nets is None else nets)
    point = draw(points(network.input_width))
    with_domain = draw(st.booleans()) if cut is None else cut
    domain = Box.uniform(-1.0, 1.0, network.input_width) if with_domain else None
    label = predicted(network, point)
    return Problem(network, point, label, draw(st.sampled_from(norms)), draw(radii()), domain)
