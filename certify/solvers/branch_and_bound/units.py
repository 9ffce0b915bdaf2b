"""The units of a network, numbered through: every coordinate of every value that a ReLU reads."""

from collections.abc import Iterator

import torch
from torch import Tensor

from certify.network import Network, ReLU


class Units:
    """U units. A tensor (B, U) holds one number for each; ``parts`` shows it value by value.

    ``values`` are the values that a ReLU reads, ``readers`` the ReLU nodes of each.
    """

    def __init__(self, network: Network, *, before: int | None = None) -> None:
        """``before``: only the units that the value of this number may depend on, those of earlier nodes."""
        nodes = network.nodes[:before]
        relus = [(node.inputs[0], i) for i, node in enumerate(nodes) if isinstance(node.op, ReLU)]
        self.values = tuple(sorted({value for value, _ in relus}))
        self.readers = {value: tuple(i for k, i in relus if k == value) for value in self.values}
        self._widths = [network.widths[value] for value in self.values]
        self.count = sum(self._widths)

    def width(self, value: int) -> int:
        """How many units a value has."""
        return self._widths[self.values.index(value)]

    def parts(self, numbers: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(value, its columns (B, n)) of a tensor (B, U)."""
        yield from zip(self.values, numbers.split(self._widths, dim=1), strict=True)

    def join(self, parts: dict[int, Tensor], like: Tensor) -> Tensor:
        """A tensor (B, U) of ``like``'s rows, dtype and device from its columns by value; 0 where there are none."""
        blank = [like.new_zeros(len(like), width) for width in self._widths]
        columns = [parts.get(value, zero) for value, zero in zip(self.values, blank, strict=True)]
        return torch.cat(columns, dim=1) if columns else like.new_zeros(len(like), 0)
