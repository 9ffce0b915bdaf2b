"""The widths of a fully connected network and the counts that the growth bounds need."""

import dataclasses as dc
from itertools import accumulate, pairwise

from bounds.errors import InvalidInput


@dc.dataclass(frozen=True, slots=True)
class Architecture:
    """A fully connected ReLU network by its widths, input first and output last: ``Architecture((784, 256, 1))``."""

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise InvalidInput(
                f"An architecture is an input width, an output width and what lies between, all positive, "
                f"and this is {self}. Write 784-256-1."
            )

    def __str__(self) -> str:
        return "-".join(map(str, self.widths))

    @property
    def layers(self) -> int:
        """The number of affine maps."""
        return len(self.widths) - 1

    @property
    def parameters_per_layer(self) -> tuple[int, ...]:
        """Weights and biases of each affine map."""
        return tuple(outputs * (inputs + 1) for inputs, outputs in pairwise(self.widths))

    @property
    def parameters(self) -> int:
        """All weights and biases, zeros included."""
        return sum(self.parameters_per_layer)

    @property
    def hidden_units(self) -> int:
        """The number of ReLUs."""
        return sum(self.widths[1:-1])

    @property
    def cumulative_parameters(self) -> tuple[int, ...]:
        """For each layer, the parameters of that layer and all before it: W_i."""
        return tuple(accumulate(self.parameters_per_layer))

    @property
    def weighted_units(self) -> int:
        """Layer number times units of that layer, summed over all layers, the output included."""
        return sum(i * width for i, width in enumerate(self.widths[1:], start=1))
