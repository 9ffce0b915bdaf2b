"""One node of an ONNX graph with its inputs resolved, as the conversion rules see it."""

import dataclasses as dc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from certify.errors import UnsupportedModel
from certify.io.graph import Graph
from certify.io.views import View

Operand = View | np.ndarray | None
"""A tensor that depends on the input, a constant, or an optional input that was left out."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An ONNX node: its inputs, attributes, and the graph that it is converted into.

    ``batch`` is the model's fixed batch size (1 when free): some reshapes spell it out.
    """

    node: onnx.NodeProto
    inputs: tuple[Operand, ...]
    graph: Graph
    opset: int
    batch: int

    @property
    def name(self) -> str:
        """How messages call it: op type and node name."""
        return node_name(self.node)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute with text decoded, or ``default`` when the node does not set it."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def optional(self, position: int) -> Operand:
        """The input at ``position``, None when it was left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def view(self, position: int) -> View:
        """The input at ``position`` as a tensor, constants included."""
        operand = self.optional(position)
        if operand is None:
            raise UnsupportedModel(f"{self.name}: input {position} is missing.")
        return operand if isinstance(operand, View) else View.constant(operand)

    def constant(self, position: int, what: str) -> np.ndarray:
        """The constant input at ``position``.

        Raises:
            UnsupportedModel: it depends on the network's input.
        """
        operand = self.optional(position)
        if not isinstance(operand, np.ndarray):
            raise UnsupportedModel(
                f"{self.name}: its {what} must be a constant of the file. Export the model with fixed shapes, in "
                f"evaluation mode."
            )
        return operand

    def numbers(self, position: int, what: str) -> np.ndarray:
        """The constant input at ``position`` as float64."""
        return self.constant(position, what).astype(np.float64)

    def integers(self, position: int, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        """Integers that old opsets keep in an attribute and new ones in an input."""
        if self.optional(position) is not None:
            return [int(i) for i in self.constant(position, name).ravel()]
        value = self.attribute(name, default)
        return value if value is None else [int(i) for i in np.ravel(value)]


Rule = Callable[[Call], View | np.ndarray | list[View]]
"""What one op type becomes: a tensor, or several for an op with several outputs."""


def node_name(node: onnx.NodeProto) -> str:
    """Op type and name; of a nameless node the name of its first output."""
    return f"{node.op_type} '{node.name or (node.output[0] if node.output else '?')}'"
