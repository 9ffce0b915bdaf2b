"""One call in a torch.export graph with its arguments by name, as the conversion rules see it."""

import dataclasses as dc
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from certify.errors import UnsupportedModel
from certify.io.graph import Graph
from certify.io.views import View


@dc.dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An ATen op and its arguments, defaults filled in. Tensors that depend on the input are views, others tensors."""

    op: str
    label: str
    arguments: dict[str, Any]
    graph: Graph

    @property
    def name(self) -> str:
        """How messages call it: the op and the node's name."""
        return f"aten.{self.op} '{self.label}'"

    def get(self, name: str) -> Any:
        """An argument that is no tensor."""
        return self.arguments[name]

    def view(self, name: str = "self") -> View:
        """A tensor or a number as a view."""
        value = self.arguments[name]
        return value if isinstance(value, View) else View.constant(self.numbers(name))

    def numbers(self, name: str) -> np.ndarray:
        """A constant tensor or number, in float64.

        Raises:
            UnsupportedModel: it depends on the network's input.
        """
        value = self.arguments[name]
        if isinstance(value, View):
            raise UnsupportedModel(f"{self.name}: its {name} depends on the input, so it is not piecewise linear.")
        if isinstance(value, Tensor):
            return value.detach().cpu().double().numpy()
        return np.asarray(value, dtype=np.float64)

    def pair(self, name: str, default: int = 1) -> tuple[int, int]:
        """One or two integers as (vertical, horizontal); an empty list is the ``default``."""
        value = self.arguments[name]
        numbers = [value] if isinstance(value, int) else list(value) or [default]
        return (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


Rule = Callable[[Call], View | list[View]]
"""What one op becomes: a tensor, or several for an op with several results."""
