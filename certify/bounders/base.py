"""What every bounder promises."""

import abc
import dataclasses as dc

import numpy as np
from jaxtyping import Float64

from certify.deadline import Deadline
from certify.outcome import Trust
from certify.query import Queries


@dc.dataclass(frozen=True, slots=True, eq=False)
class MarginBounds:
    """Lower bounds for a batch of B questions with R margin rows.

    ``lower`` (B, R): no point of question i's region has a row-j margin below ``lower[i, j]`` (``-inf`` where nothing
    was proved). ``radius`` (B,): a radius, at most the question's own, on which every margin is positive by the same
    relaxation; 0 where none was proved, the point itself included.
    """

    lower: Float64[np.ndarray, "b r"]
    radius: Float64[np.ndarray, " b"]


class AbstractBounder(abc.ABC):
    """Proves lower bounds on margins. Sound, not complete.

    Laws, which ``tests/conformance/test_bounders.py`` checks, up to the rounding that ``trust`` allows:

    1. No point of a question's region has a margin below ``lower``.
    2. On a one-point region ``lower`` is the margin there, up to rounding.
    3. ``0 <= radius <= the question's radius``, and every margin is positive within ``radius``.
    4. A question's answer does not depend on its neighbours in the batch, up to rounding.
    5. After the deadline it returns at once with what it has.
    """

    name: str
    trust: Trust

    @abc.abstractmethod
    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        """Lower bounds for each question."""
