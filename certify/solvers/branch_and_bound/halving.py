"""Robustness questions answered by halving boxes: complete in the limit, and the faster way for few inputs."""

import numpy as np
from jaxtyping import Float64

from certify.attacks.polish import confirm
from certify.deadline import Deadline
from certify.exact import ExactNetwork
from certify.outcome import Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.box_search import BoxSearch
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.clauses import Clauses
from certify.tensor_network import TensorNetwork


class Halving:
    """A ``BoxSearch`` for questions about boxes: each margin is a clause, and a witness is judged by ``confirm``.

    Proofs are in float64 with rounding accounted for. ``witness`` and ``stuck`` as in ``Search``.
    """

    def __init__(self, queries: Queries, *, network: TensorNetwork, exact: ExactNetwork, effort: Effort) -> None:
        self._queries, self._exact = queries, exact
        clauses = Clauses.singly(queries)
        self._search = BoxSearch[Witness](clauses, network=network, judge=self._judged, effort=effort)

    def _judged(self, question: int, points: Float64[np.ndarray, "k n"]) -> Witness | None:
        return confirm(self._queries.take(np.array([question])), points[:1], None, self._exact)[0]

    def run(self, deadline: Deadline) -> None:
        """Works until every question is decided or stuck, or a limit comes first."""
        self._search.run(deadline)

    @property
    def proved(self) -> np.ndarray:
        """Which questions (B,) have no box left to prove, and lost none."""
        return self._search.proved()

    @property
    def witness(self) -> list[Witness | None]:
        """A counterexample to each question, where one was found."""
        return self._search.found

    @property
    def stuck(self) -> np.ndarray:
        """How many boxes (B,) of each question no number divides."""
        return self._search.stuck

    @property
    def spent(self) -> np.ndarray:
        """How many boxes (B,) each question has taken."""
        return self._search.spent
