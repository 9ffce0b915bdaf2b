"""``(x - mean) / std`` in front of a network, so that it reads raw inputs."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.io.graph import Graph
from certify.io.views import View
from certify.network import Add, Affine, Conv2d, Network, ReLU


@dc.dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """``x -> (x - mean) / std``, entry by entry of one input; both arrays have its shape."""

    mean: Float64[np.ndarray, "..."]
    std: Float64[np.ndarray, "..."]

    @classmethod
    def of(
        cls, shape: tuple[int, ...], *, mean: Sequence[float] | None, std: Sequence[float] | None
    ) -> "Normalisation":
        """The normalisation of inputs of ``shape`` by one number, or one per channel (first or last axis).

        Raises:
            InvalidInput: numbers that are not finite, a deviation that is not positive, or a length that fits no axis.
        """
        arrays = [
            _spread(np.asarray(default if given is None else given, dtype=np.float64).ravel(), shape, name)
            for given, default, name in ((mean, [0.0], "mean"), (std, [1.0], "std"))
        ]
        if not (arrays[1] > 0).all():
            raise InvalidInput(f"--std must be positive, got {np.unique(arrays[1]).tolist()}.")
        return cls(*arrays)

    def apply(self, points: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b n"]:
        """Flat points, normalised in float64."""
        return (points - self.mean.ravel()) / self.std.ravel()

    def before(self, network: Network) -> tuple[Network, tuple[str, ...]]:
        """``network`` on raw inputs, and what was rounded on the way."""
        graph = Graph(network.input_shape)
        whole = View.whole(0, network.input_shape)
        values = [whole.plus(-self.mean).over(self.std).reshape((network.input_width,))]
        if (self.std != 1).any() or self.mean.any():
            graph.note("Inputs are normalised by (x - mean) / std; the factors 1 / std and -mean / std are float64.")
        for i, node in enumerate(network.nodes):
            name, reads = f"node {i}", [values[k] for k in node.inputs]
            match node.op:
                case Affine(weight=weight, bias=bias) as op:
                    values.append(graph.affine(reads[0], weight, bias, shape=(op.output_width,), name=name))
                case Conv2d() as op:
                    values.append(graph.convolve(reads[0], op, shape=(op.output_width,), name=name))
                case Add():
                    values.append(graph.add(reads[0], reads[1], name))
                case ReLU():
                    values.append(graph.relu(reads[0], name))
        return graph.network(values[-1], "the output"), graph.notes


def _spread(numbers: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    if not np.isfinite(numbers).all() or not numbers.size:
        raise InvalidInput(f"--{name} must be finite numbers, got {numbers.tolist()}.")
    if numbers.size == 1:
        return np.full(shape, numbers[0])
    if len(shape) > 1 and numbers.size == shape[0]:
        return np.broadcast_to(numbers.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()
    if shape and numbers.size == shape[-1]:
        return np.broadcast_to(numbers, shape).copy()
    raise InvalidInput(f"--{name} has {numbers.size} numbers, inputs have shape {shape}: give one, or one per channel.")
