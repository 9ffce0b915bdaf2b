"""Questions whose answer is yes if, at every point of a region, each clause has a function that is positive there.

A margin is a clause of its own. The negation of a conjunction of half-spaces is one clause with a function for each:
the conjunction is out of reach as soon as one of them is positive, wherever that can be shown.
"""

import dataclasses as dc

import numpy as np
from jaxtyping import Float64, Int64

from certify.query import Queries


@dc.dataclass(frozen=True, slots=True, eq=False)
class Clauses:
    """B questions with K clauses each, about the functions ``rows[i] f(x) + on_inputs x + offsets[i]`` of ``queries``.

    Function r belongs to clause ``clause[r]``; clauses are numbered from 0 without gaps. Shapes: ``on_inputs`` (R, n),
    the same for all questions, ``clause`` (R,).
    """

    queries: Queries
    on_inputs: Float64[np.ndarray, "r n"]
    clause: Int64[np.ndarray, " r"]

    def __post_init__(self) -> None:
        rows = self.queries.rows.shape[1]
        if self.on_inputs.shape != (rows, self.queries.network.input_width) or self.clause.shape != (rows,):
            raise ValueError(f"{rows} functions with inputs {self.on_inputs.shape} in clauses {self.clause.shape}.")
        if not np.array_equal(np.unique(self.clause), np.arange(self.count)):
            raise ValueError(f"Clauses are numbered from 0 without gaps, not {self.clause}.")

    @classmethod
    def singly(cls, queries: Queries) -> "Clauses":
        """Every margin of ``queries`` as a clause of its own."""
        rows = queries.rows.shape[1]
        return cls(queries, np.zeros((rows, queries.network.input_width)), np.arange(rows))

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def count(self) -> int:
        """K."""
        return int(self.clause.max(initial=-1)) + 1
