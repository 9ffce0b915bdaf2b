"""A batch of questions cut into pieces that fit the memory, searched one after the other."""

import dataclasses as dc
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from certify.attacks.problem import Problem
from certify.deadline import Deadline
from certify.query import Queries
from certify.tensor_network import TensorNetwork

Search = Callable[[Problem, np.ndarray, torch.Generator], Tensor]
"""Displacements (b, n) for a problem, which holds the questions at an index (b,); NaN where none was found."""

_BUDGET_BYTES = 2**29
_COPIES = 6


@dc.dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """The questions, and what a search needs to cut them: ``attempts`` points are held for each at once."""

    queries: Queries
    device: str
    dtype: torch.dtype
    attempts: int

    def gather(self, search: Search, *, seed: int, deadline: Deadline) -> Float64[np.ndarray, "b n"]:
        """The points that ``search`` finds, piece by piece; NaN rows from the deadline on.

        Where the device runs out of memory a piece is halved; a single question that does not fit raises torch's error.
        """
        points = np.full(self.queries.centres.shape, np.nan)
        if deadline.passed or not len(self.queries):
            return points
        network = TensorNetwork(self.queries.network, dtype=self.dtype, device=self.device)
        size, start = self._piece(), 0
        while start < len(self.queries) and not deadline.passed:
            index = np.arange(start, min(start + size, len(self.queries)))
            generator = torch.Generator(device=network.device).manual_seed(seed + start)
            problem = Problem.of(network, self.queries.take(index))
            try:
                found = search(problem, index, generator)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size = max(1, size // 2)
                continue
            points[index] = (problem.centres + found).to("cpu", torch.float64).numpy()
            start += size
        return points

    def _piece(self) -> int:
        """How many questions fit the budget at once."""
        width = sum(self.queries.network.widths) + 4 * self.queries.network.input_width
        each = width * self.attempts * _COPIES * (8 if self.dtype == torch.float64 else 4)
        return max(1, _BUDGET_BYTES // each)
