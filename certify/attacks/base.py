"""What every attack promises: proposals that count only after an exact check."""

import abc
from typing import final

import numpy as np
from jaxtyping import Float64

from certify.attacks.polish import Replay, confirm
from certify.deadline import Deadline
from certify.outcome import Witness
from certify.query import Queries


class AbstractAttack(abc.ABC):
    """Looks for the nearest counterexample. Finding none proves nothing, and the type says so.

    Laws, which ``tests/conformance/test_attacks.py`` checks:

    1. A returned witness lies in the domain and within ``distance`` of the centre, and ``distance <= radius``.
    2. Its margin, in exact arithmetic on the original weights, is not positive.
    3. The same seed gives the same answer.
    4. After the deadline it returns at once with what it has.
    """

    name: str

    @abc.abstractmethod
    def propose(self, queries: Queries, *, seed: int, deadline: Deadline) -> Float64[np.ndarray, "b n"]:
        """A candidate for each question, as near its centre as could be found; a row of NaN where there is none."""

    @final
    def search(
        self, queries: Queries, *, seed: int, deadline: Deadline, replay: Replay | None = None
    ) -> list[Witness | None]:
        """For each question a witness that survives the exact check, or None."""
        return confirm(queries, self.propose(queries, seed=seed, deadline=deadline), replay)
