"""Networks made of networks, exactly: several side by side, and one followed by maxima of linear functions."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Add, Affine, Network, Node, ReLU

_DENSE = 1 << 16
"""A matrix with at most so many entries is stored dense."""


def side_by_side(networks: Sequence[Network]) -> Network:
    """The network that reads all inputs one after the other and answers with all outputs; one alone is itself."""
    if len(networks) == 1:
        return networks[0]
    inputs = [network.input_width for network in networks]
    outputs = [network.output_width for network in networks]
    nodes: list[Node] = []
    ends: list[int] = []
    for k, network in enumerate(networks):
        nodes.append(Node(_linear(_block(inputs, k)), (0,)))
        begin = len(nodes)  # the value that this network reads
        nodes += [Node(node.op, tuple(begin + i for i in node.inputs)) for node in network.nodes]
        nodes.append(Node(_linear(sp.csr_array(_block(outputs, k).T)), (len(nodes),)))
        ends.append(len(nodes))
    total = ends[0]
    for end in ends[1:]:
        nodes.append(Node(Add(sum(outputs)), (total, end)))
        total = len(nodes)
    return Network((sum(inputs),), tuple(nodes))


def _block(widths: Sequence[int], k: int) -> sp.csr_array:
    """The matrix that picks the k-th part of a vector made of parts of the given widths."""
    begin, rows = sum(widths[:k]), np.arange(widths[k])
    return sp.csr_array((np.ones(len(rows)), (rows, begin + rows)), shape=(len(rows), sum(widths)))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Maxima:
    """R functions ``max over i of (on_outputs y + on_inputs x + constants)_i``, i in the r-th of the groups.

    Rows of one group stand together; ``groups`` are their numbers, all at least 1. Shapes: ``on_outputs`` (s, m),
    ``on_inputs`` (s, n), ``constants`` (s,), with s the sum of ``groups``.
    """

    on_outputs: sp.csr_array
    on_inputs: sp.csr_array
    constants: Float64[np.ndarray, " s"]
    groups: tuple[int, ...]

    def only(self, kept: np.ndarray) -> "Maxima":
        """The functions at ``kept``, of which there is at least one, in that order."""
        member = np.repeat(np.arange(len(self.groups)), self.groups)
        rows = np.concatenate([np.flatnonzero(member == r) for r in kept])
        groups = tuple(self.groups[r] for r in kept.tolist())
        return Maxima(self.on_outputs[rows], self.on_inputs[rows], self.constants[rows], groups)

    def after(self, network: Network) -> Network:
        """The network whose R outputs are these functions of its input x and of ``network``'s answer y.

        Exact over the reals: ``max(a, b) = relu(a - b) + b`` has weights 0, 1 and -1 only.
        """
        nodes = [*network.nodes, Node(_linear(self.on_outputs, self.constants), (len(network.nodes),))]
        if self.on_inputs.nnz:
            nodes.append(Node(_linear(self.on_inputs), (0,)))
            nodes.append(Node(Add(len(self.constants)), (len(nodes) - 1, len(nodes))))
        groups = self.groups
        while max(groups) > 1:
            groups = _halve(nodes, groups)
        return Network(network.input_shape, tuple(nodes))


def _halve(nodes: list[Node], groups: tuple[int, ...]) -> tuple[int, ...]:
    """Appends one round of a tournament to the last value: of each group's neighbours the larger one stays."""
    value, width = len(nodes), sum(groups)
    starts = np.cumsum([0, *groups[:-1]])
    spans = list(zip(starts, groups, strict=True))
    left = np.concatenate([start + np.arange(0, size - 1, 2) for start, size in spans])
    kept = np.concatenate([start + np.minimum(np.arange(0, size, 2) + 1, size - 1) for start, size in spans])
    pairs, survivors = np.arange(len(left)), np.arange(len(kept))
    difference = _entries(pairs, left, width) - _entries(pairs, left + 1, width)
    place = np.searchsorted(kept, left + 1)
    nodes.append(Node(_linear(sp.csr_array(difference)), (value,)))
    nodes.append(Node(ReLU(len(left)), (value + 1,)))
    back = sp.csr_array((np.ones(len(left)), (place, pairs)), shape=(len(kept), len(left)))
    nodes.append(Node(_linear(back), (value + 2,)))
    nodes.append(Node(_linear(_entries(survivors, kept, width)), (value,)))
    nodes.append(Node(Add(len(kept)), (value + 3, value + 4)))
    return tuple((size + 1) // 2 for size in groups)


def _entries(rows: np.ndarray, columns: np.ndarray, width: int) -> sp.csr_array:
    """The matrix of zeros with ones at the given places, a row each."""
    return sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(rows), width))


def _linear(matrix: sp.csr_array, bias: "Float64[np.ndarray, ' s'] | None" = None) -> Affine:
    zeros = np.zeros(matrix.shape[0])
    if matrix.shape[0] * matrix.shape[1] <= _DENSE:
        return Affine(np.asarray(matrix.toarray()), zeros if bias is None else bias)
    tidy = sp.csr_array(matrix)
    tidy.sum_duplicates()
    return Affine(tidy, zeros if bias is None else bias)
