"""A VNN-LIB query: which networks it speaks of, and the formula whose solutions are counterexamples."""

import dataclasses as dc
import math
from collections.abc import Sequence
from fractions import Fraction

from certify.io.vnnlib.formula import Formula, holds


@dc.dataclass(frozen=True, slots=True)
class Tensor:
    """A declared input or output: its name, its element type as written, and its shape (empty for one number)."""

    name: str
    type: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def place(self, number: int) -> str:
        """The name of its ``number``-th number in row-major order, as version 2.0 writes it."""
        indices: list[int] = []
        for length in reversed(self.shape):
            number, i = divmod(number, length)
            indices.insert(0, i)
        return self.name + (f"[{','.join(map(str, indices))}]" if self.shape else "")


@dc.dataclass(frozen=True, slots=True)
class Declaration:
    """A network that a query speaks of: ``name``, one ``input`` and one ``output``.

    ``equal_to`` names the network that it is the same as, ``isomorphic_to`` one with the same structure.
    """

    name: str
    input: Tensor
    output: Tensor
    equal_to: str | None = None
    isomorphic_to: str | None = None


@dc.dataclass(frozen=True, slots=True)
class Query:
    """Is there an assignment under which all ``assertions`` hold? ``sat`` if so: a counterexample.

    Variables are numbered: all networks' inputs first, in the order of the networks, row-major, then all outputs.
    ``version`` is ``1.0`` or the version that the file names; ``name`` is the file's, for messages.
    """

    version: str
    networks: tuple[Declaration, ...]
    assertions: tuple[Formula, ...]
    name: str = "the query"

    @property
    def inputs(self) -> int:
        """How many input variables there are."""
        return sum(network.input.size for network in self.networks)

    @property
    def outputs(self) -> int:
        """How many output variables there are."""
        return sum(network.output.size for network in self.networks)

    def variable(self, number: int) -> str:
        """The name of a variable, as the file writes it."""
        for tensor in self.tensors:
            if number < tensor.size:
                joined = self.version.startswith("1.")
                return f"{tensor.name}_{number}" if joined else tensor.place(number)
            number -= tensor.size
        raise ValueError("there is no such variable")

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors in the order of the variables: inputs, then outputs."""
        return (*(network.input for network in self.networks), *(network.output for network in self.networks))

    def is_solution(self, inputs: Sequence[Fraction], outputs: Sequence[Fraction]) -> bool:
        """Whether every assertion holds literally, strict comparisons included."""
        values = [*inputs, *outputs]
        return all(holds(assertion, values) for assertion in self.assertions)
