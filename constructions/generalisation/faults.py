"""Counterexamples: inputs that a network gets wrong, established in exact arithmetic."""

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network

_MOST_EXACT = 2_000_000
"""Weights up to which a network is evaluated exactly."""


def require_shape(network: Network, dimension: int) -> None:
    """Refuses a network that reads another number of coordinates, or has several outputs.

    Raises:
        InvalidInput: the shape of the network is not that of a classifier of two classes in so many dimensions.
    """
    if (network.input_width, network.output_width) != (dimension, 1):
        raise InvalidInput(
            f"A network of {network.input_width} inputs and {network.output_width} outputs is no classifier of two "
            f"classes in {dimension} dimensions, which has one output."
        )


def misclassified(
    network: Network, positive: Float64[np.ndarray, "a d"], negative: Float64[np.ndarray, "b d"]
) -> str | None:
    """A point of the two classes with an output of the wrong sign or 0; None if float64 finds no candidate."""
    if network.count().nnz > _MOST_EXACT:
        return None
    for points, sign, name in ((positive, 1, "A"), (negative, -1, "B")):
        wrong = np.flatnonzero(sign * network.evaluate(points)[:, 0] <= 0)
        if wrong.size:
            i = int(wrong[0])
            value = ExactNetwork(network).evaluate(points[i])[0]
            if sign * value <= 0:
                return f"point {i} of {name} has output {float(value):g}"
    return None
