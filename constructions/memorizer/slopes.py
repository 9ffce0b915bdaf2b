"""How fast the second layer's forms can change: exact bounds from the weights, and balls enclosed by means of them."""

from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Affine, Network, Node, ReLU
from certify.region import Norm
from constructions.dyadic import COARSEST, exact_float, lowest_bits
from constructions.enclosure import Inexact, Intervals, demand_exact, enclose


def steepest(network: Network, norm: Norm) -> Float64[np.ndarray, " m"]:
    """A Lipschitz constant for l1 or linf of each form of the second layer, ``W relu(V x + a) + b``.

    The derivative along coordinate j is a sum of some of the terms ``W_ik V_kj``, so it lies between the sum of the
    negative and the sum of the positive ones. The gradient's linf norm is the constant for l1, its l1 norm for linf.

    Raises:
        Inexact: the network does not begin with two layers, or a sum might round.
    """
    first, second = _layers(network)
    rising, falling = first.maximum(0.0), (-first).maximum(0.0)
    up, down = second.maximum(0.0), (-second).maximum(0.0)
    grain = sum(int(lowest_bits(matrix.data).min(initial=COARSEST)) for matrix in (first, second))
    total = float(np.max(abs(second) @ np.asarray(abs(first).sum(axis=1)), initial=0.0))
    demand_exact(total, min(grain, COARSEST))
    partial = sp.csr_array((up @ rising + down @ falling).maximum(up @ falling + down @ rising))
    if norm is Norm.L1:
        return partial.max(axis=1).toarray().ravel()
    return np.asarray(partial.sum(axis=1)).ravel()


def enclose_balls(network: Network, centres: Float64[np.ndarray, "b d"], radius: Fraction) -> Intervals:
    """Bounds of the outputs on l1 balls: the second layer by its Lipschitz constants, the rest by intervals; exact.

    Raises:
        Inexact: as ``steepest`` and ``enclose``.
    """
    rates = steepest(network, Norm.L1)
    reach = rates * exact_float(radius)
    demand_exact(float(rates.max(initial=0.0)) * float(radius), int(lowest_bits(rates).min()) + _grain(radius))
    start = enclose(Network(network.input_shape, network.nodes[:3]), Intervals(centres, centres))
    grain = min(int(lowest_bits(start.lower).min()), int(lowest_bits(reach).min()))
    demand_exact(float((np.abs(start.lower) + reach).max()), grain)
    rest = tuple(Node(node.op, tuple(k - 3 for k in node.inputs)) for node in network.nodes[3:])
    return enclose(Network((len(rates),), rest), Intervals(start.lower - reach, start.upper + reach))


def _grain(number: Fraction) -> int:
    return int(lowest_bits(np.array([exact_float(number)]))[0])


def _layers(network: Network) -> tuple[sp.csr_array, sp.csr_array]:
    """The weights of the first two layers, which everything after them reads through the second one only."""
    match network.nodes[:3]:
        case (Node(Affine() as first, (0,)), Node(ReLU(), (1,)), Node(Affine() as second, (2,))):
            if all(k >= 3 for node in network.nodes[3:] for k in node.inputs) and len(network.nodes) > 3:
                return sp.csr_array(first.weight), sp.csr_array(second.weight)
        case _:
            pass
    raise Inexact("The network does not begin with two layers on which everything else depends.")
