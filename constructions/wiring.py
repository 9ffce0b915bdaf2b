"""Networks put together as graphs: one after the other, side by side, and added to each other."""

import dataclasses as dc

import numpy as np
import scipy.sparse as sp

from certify.errors import InvalidInput
from certify.network import Add, Affine, Network, Node, Op


class Wiring:
    """A graph under construction: a growing list of nodes in which whole networks can be embedded.

    A value is its position: 0 is the input, i + 1 the result of node i.
    """

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self._shape = input_shape
        self._nodes: list[Node] = []

    def apply(self, op: Op, *values: int) -> int:
        """The value of ``op`` on ``values``."""
        self._nodes.append(Node(op, values))
        return len(self._nodes)

    def embed(self, network: Network, value: int = 0) -> int:
        """The output of ``network`` applied to ``value``."""
        places = [value]
        for node in network.nodes:
            places.append(self.apply(node.op, *(places[k] for k in node.inputs)))
        return places[-1]

    def network(self) -> Network:
        """Everything so far; the last value is the output."""
        return Network(self._shape, tuple(self._nodes))


def ordered(network: Network) -> Network:
    """The same graph with nodes in depth-first order from the output, and without those that the output does not read.

    Files may store independent nodes in any order; in this one equal graphs are equal node by node.
    """
    place, order, stack = {0: 0}, list[Node](), [len(network.nodes)]
    while stack:
        value = stack[-1]
        missing = [] if value in place else [k for k in network.nodes[value - 1].inputs if k not in place]
        if missing:
            stack.append(missing[0])
            continue
        stack.pop()
        if value not in place:
            node = network.nodes[value - 1]
            order.append(dc.replace(node, inputs=tuple(place[k] for k in node.inputs)))
            place[value] = len(order)
    return Network(network.input_shape, tuple(order))


def series(first: Network, second: Network) -> Network:
    """``x -> second(first(x))``. Counts add up, nnz, dense, units and depth alike: nothing is merged."""
    if first.output_width != second.input_width:
        raise InvalidInput(
            f"Cannot put a network of {second.input_width} inputs after one of {first.output_width} outputs."
        )
    wiring = Wiring(first.input_shape)
    wiring.embed(second, wiring.embed(first))
    return wiring.network()


def parallel(first: Network, second: Network) -> Network:
    """``x -> (first(x), second(x))``: nnz and units add up, the depth is the larger one.

    Each last affine map is padded with rows of zeros for the other's outputs, which the dense count sees.

    Raises:
        InvalidInput: networks of different inputs, or one whose last op is not affine.
    """
    above, below = first.output_width, second.output_width
    return _summed(first, second, (0, below), (above, 0))


def skip(first: Network, second: Network) -> Network:
    """``x -> first(x) + second(x)``: two branches that rejoin. nnz and units add up, the depth is the larger one."""
    if first.output_width != second.output_width:
        raise InvalidInput(f"Cannot add networks of {first.output_width} and {second.output_width} outputs.")
    return _summed(first, second, (0, 0), (0, 0))


def _summed(first: Network, second: Network, pad_first: tuple[int, int], pad_second: tuple[int, int]) -> Network:
    if first.input_width != second.input_width:
        raise InvalidInput(f"Networks of {first.input_width} and {second.input_width} inputs cannot share an input.")
    wiring = Wiring(first.input_shape)
    left = wiring.embed(_padded(first, *pad_first))
    right = wiring.embed(_padded(second, *pad_second))
    wiring.apply(Add(first.output_width + sum(pad_first)), left, right)
    return wiring.network()


def _padded(network: Network, before: int, after: int) -> Network:
    """``network`` with outputs that are always zero before and after its own."""
    if not before and not after:
        return network
    last = network.nodes[-1]
    if not isinstance(last.op, Affine):
        raise InvalidInput(f"Networks side by side must end with an affine map, not {type(last.op).__name__}.")
    width = last.op.input_width
    rows = [sp.csr_array((before, width)), sp.csr_array(last.op.weight), sp.csr_array((after, width))]
    weight = sp.csr_array(sp.vstack(rows, format="csr"))
    weight.sum_duplicates()
    op = Affine(weight, np.concatenate([np.zeros(before), last.op.bias, np.zeros(after)]))
    return Network(network.input_shape, (*network.nodes[:-1], dc.replace(last, op=op)))
