"""Whether two networks are the same graph with the same weights, however those are stored."""

import numpy as np
import scipy.sparse as sp

from certify.network import Affine, Conv2d, Network, Op
from constructions.compose import canonical
from constructions.wiring import ordered


def difference(network: Network, other: Network) -> str | None:
    """Where ``network`` first differs from ``other``; None when they compute the same by the same steps.

    Dense and sparse matrices of equal entries are equal, and so are input shapes of equal size and orders of
    independent nodes: a file format may store one as the other.
    """
    network, other = ordered(network), ordered(other)
    if network.input_width != other.input_width or len(network.nodes) != len(other.nodes):
        return (
            f"{len(network.nodes)} nodes on {network.input_width} inputs, not {len(other.nodes)} on {other.input_width}"
        )
    for i, (mine, yours) in enumerate(zip(network.nodes, other.nodes, strict=True)):
        if mine.inputs != yours.inputs or not _equal(mine.op, yours.op):
            return f"node {i} ({type(mine.op).__name__})"
    return None


def _equal(one: Op, other: Op) -> bool:
    if type(one) is not type(other) or (one.input_width, one.output_width) != (other.input_width, other.output_width):
        return False
    if isinstance(one, Affine) and isinstance(other, Affine):
        return np.array_equal(one.bias, other.bias) and _equal_matrices(one.weight, other.weight)
    if isinstance(one, Conv2d) and isinstance(other, Conv2d):
        frames = [(op.image, op.stride, op.padding, op.dilation, op.groups) for op in (one, other)]
        same = frames[0] == frames[1] and np.array_equal(one.bias, other.bias)
        return same and np.array_equal(one.weight, other.weight)
    return True


def _equal_matrices(one: np.ndarray | sp.csr_array, other: np.ndarray | sp.csr_array) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    left, right = (canonical(sp.csr_array(matrix, copy=True)) for matrix in (one, other))
    return (
        np.array_equal(left.indptr, right.indptr)
        and np.array_equal(left.indices, right.indices)
        and np.array_equal(left.data, right.data)
    )
