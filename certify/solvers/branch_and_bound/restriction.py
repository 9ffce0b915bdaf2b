"""A network without units that are off on every region asked about: the same function there, and less to multiply.

Where a pre-activation is proved to be <= 0 its ReLU is exactly 0, so its row and what reads it can be left out. On
small balls around data most units of a trained network are off.
"""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from certify.bounders.enclosure import Enclosure
from certify.bounders.relaxation import Relaxation
from certify.network import Affine, Network, Node, Op, ReLU
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork


@dc.dataclass(frozen=True, slots=True, eq=False)
class Restriction:
    """``network`` equals the whole one on some regions; ``kept[k]`` are the numbers of value k that it still has."""

    network: Network
    kept: tuple[Int64[np.ndarray, " _"], ...]

    @classmethod
    def of(cls, whole: Network, enclosure: Enclosure) -> "Restriction":
        """The network on the regions of ``enclosure``, whose bounds must account for rounding."""
        assert enclosure.rounded
        kept = [np.arange(width) for width in whole.widths]
        for i, node in enumerate(whole.nodes):
            if isinstance(node.op, ReLU) and _between_affine_maps(whole, i):
                on = (~(enclosure.upper[node.inputs[0]] <= 0)).any(0).cpu().numpy()  # NaN does not mean off
                on[0] |= not on.any()  # a value has at least one number
                kept[node.inputs[0]] = kept[i + 1] = np.flatnonzero(on)
        nodes = [
            Node(_part(node.op, kept[node.inputs[0]], kept[i + 1]), node.inputs) for i, node in enumerate(whole.nodes)
        ]
        return cls(Network(whole.input_shape, tuple(nodes)), tuple(kept))

    def image(self, whole: Enclosure, network: TensorNetwork) -> Enclosure:
        """What ``whole`` knows, about the restricted network, of which ``network`` are the tensors."""
        index = [torch.as_tensor(numbers) for numbers in self.kept]
        lower, upper, typical = (
            [part[:, kept] for part, kept in zip(parts, index, strict=True)]
            for parts in (whole.lower, whole.upper, whole.typical)
        )
        read = {i: network.network.nodes[i].inputs[0] for i in whole.relaxations}
        relaxations = {i: Relaxation.of(lower[value], upper[value]) for i, value in read.items()}
        return Enclosure(network, whole.ball, lower, upper, typical, relaxations)

    def units(self, whole: Units) -> Tensor:
        """The numbers (U',) that the units of the restricted network have in the whole one."""
        starts = np.cumsum([0, *(whole.width(value) for value in whole.values)])
        numbers = [start + self.kept[value] for start, value in zip(starts, whole.values, strict=False)]
        return torch.as_tensor(np.concatenate([np.zeros(0, dtype=np.int64), *numbers]))


def _between_affine_maps(network: Network, relu: int) -> bool:
    """Whether an affine map makes what this ReLU alone reads, and only affine maps read what it makes."""
    source = network.nodes[relu].inputs[0]
    made = source > 0 and isinstance(network.nodes[source - 1].op, Affine)
    alone = [i for i, node in enumerate(network.nodes) if source in node.inputs] == [relu]
    readers = [node.op for node in network.nodes if relu + 1 in node.inputs]
    return made and alone and len(readers) > 0 and all(isinstance(op, Affine) for op in readers)


def _part(op: Op, read: np.ndarray, made: np.ndarray) -> Op:
    match op:
        case Affine(weight, bias):
            return Affine(weight[made][:, read], bias[made])
        case ReLU():
            return ReLU(len(made))
        case _:
            return op
