"""Certified radii, method by method: a fast search, then a proof in float64 with rounding accounted for."""

import abc
from collections.abc import Callable
from typing import final

import numpy as np
import torch
from jaxtyping import Float64

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.base import AbstractBounder
from certify.bounders.crown import ChosenSlopes, CrownBounder
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.solvers.largest_radius import Found, Pass, largest_radius
from certify.solvers.relaxed import AlphaPasses, crown_pass, linear_radius, plain_pass

_RETRIES = 4
"""How often a failed proof is tried again at a smaller radius."""

_BACK = 0.7
"""How much smaller."""

_SHARE = 0.3
"""What CROWN certifies of the linearised network's radius on small trained networks, roughly."""

_SEARCH = 0.6
"""The share of the time that the search may take; the rest is the proof's."""


class AbstractProver(abc.ABC):
    """Finds certified radii for a batch of inputs.

    Laws, which ``tests/conformance/test_certifier.py`` and ``tests/test_prover.py`` check:

    1. Every margin is positive on the closed ball of each returned radius, cut by the domain, as far as ``trust`` says.
    2. ``0 <= radius <= limit``.
    3. After the deadline it returns what it has proved; a radius that was found but not proved does not count.
    """

    name: str
    trust: Trust

    @abc.abstractmethod
    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        """Certified radii up to ``queries.radii``; ``start`` are guesses > 0, ``tolerance`` is relative."""


@final
class CrownProver(AbstractProver):
    """CROWN in float32 on ``device`` for the search, CROWN in float64 on the CPU for the proof."""

    name = "crown"
    trust = Trust.ROUNDED

    def __init__(self, network: Network, *, device: str = "cpu") -> None:
        self._fast = CrownBounder(network, device=device)
        self._proof = CrownBounder(network, dtype=torch.float64, rounded=True)

    def guess(self, queries: Queries) -> Float64[np.ndarray, " b"]:
        """First guesses: the usual share of the radii of the linearised network."""
        return _SHARE * linear_radius(self._fast, queries)

    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        search = deadline.part(_SEARCH)

        def evaluate(index: np.ndarray, radii: np.ndarray) -> Pass:
            return crown_pass(self._fast, queries.take(index).within(radii), search)

        found = largest_radius(evaluate, start, queries.radii, tolerance=tolerance, deadline=search)
        return _proved(found, lambda radii: prove(self._proof, queries.within(radii), None, deadline))


@final
class AlphaProver(AbstractProver):
    """alpha-CROWN in float32 on ``device`` for the search; its slopes are proved by CROWN in float64 on the CPU."""

    name = "alpha"
    trust = Trust.ROUNDED

    def __init__(self, network: Network, *, device: str = "cpu", ascent: Ascent | None = None) -> None:
        self._fast = AlphaBounder(network, device=device, ascent=ascent)
        self._proof = CrownBounder(network, dtype=torch.float64, rounded=True)

    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        search = deadline.part(_SEARCH)
        passes = AlphaPasses(self._fast, queries, search)
        found = largest_radius(passes, start, queries.radii, tolerance=tolerance, deadline=search)

        def proof(radii: Float64[np.ndarray, " b"]) -> Float64[np.ndarray, " b"]:
            proved = np.zeros(len(queries))
            for index, slopes in passes.chosen():
                proved[index] = prove(self._proof, queries.take(index).within(radii[index]), slopes, deadline)
            return proved

        return _proved(found, proof)


@final
class PlainProver(AbstractProver):
    """Any bounder, asked for bounds at one radius after another; its radii are worth what its bounds are worth."""

    def __init__(self, bounder: AbstractBounder) -> None:
        self.name, self.trust = bounder.name, bounder.trust
        self._bounder = bounder

    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        zero = queries.within(np.zeros(len(queries)))
        at_centre = self._bounder.bound(zero, deadline).lower.min(axis=1)
        limit = np.where(at_centre > 0, queries.radii, 0.0)

        def evaluate(index: np.ndarray, radii: np.ndarray) -> Pass:
            return plain_pass(self._bounder, queries.take(index).within(radii), at_centre[index])

        return largest_radius(evaluate, start, limit, tolerance=tolerance, deadline=deadline)


@final
class ClosedFormProver(AbstractProver):
    """A bounder whose one answer at the largest radius already holds the radius."""

    def __init__(self, bounder: AbstractBounder) -> None:
        self.name, self.trust = bounder.name, bounder.trust
        self._bounder = bounder

    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        del start, tolerance  # there is nothing to search
        radius = self._bounder.bound(queries, deadline).radius
        ones = np.ones(len(queries), dtype=np.int64)
        return Found(radius, ones, np.full(len(queries), not deadline.passed))


def prove(
    bounder: CrownBounder, queries: Queries, slopes: ChosenSlopes | None, deadline: Deadline
) -> Float64[np.ndarray, " b"]:
    """Radii up to the queries' own that ``bounder`` proves; where a proof yields nothing, again at a smaller radius."""
    proved, wish = np.zeros(len(queries)), queries.radii.copy()
    for _ in range(_RETRIES):
        index = np.flatnonzero((proved == 0) & (wish > 0))
        if not index.size:
            break
        part = slopes.take(torch.as_tensor(index), "cpu") if slopes else None
        proved[index] = bounder.certify(queries.take(index).within(wish[index]), deadline, part).radius
        wish *= _BACK
    return proved


def _proved(found: Found, proof: Callable[[Float64[np.ndarray, " b"]], Float64[np.ndarray, " b"]]) -> Found:
    return Found(proof(found.radius), found.passes, found.settled)
