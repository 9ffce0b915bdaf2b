"""Certified radii by the triangle relaxation: every pass of the search solves linear programs and proves slopes."""

from typing import final

import numpy as np
from jaxtyping import Float64

from certify.bounders.triangle import TriangleBounder
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.solvers.largest_radius import Found, Pass, largest_radius
from certify.solvers.prover import AbstractProver
from certify.solvers.relaxed import read_pass

_SHARE = 0.8
"""The share of the time that the search may take; a second attack takes the rest."""


@final
class TriangleProver(AbstractProver):
    """The triangle relaxation, proved at each radius that the search visits: beside the programs that costs little."""

    name = "lp"
    trust = Trust.ROUNDED

    def __init__(self, network: Network, *, device: str = "cpu") -> None:
        self._bounder = TriangleBounder(network, device=device)

    def prove(
        self, queries: Queries, *, start: Float64[np.ndarray, " b"], tolerance: float, deadline: Deadline
    ) -> Found:
        search = deadline.part(_SHARE)

        def evaluate(index: np.ndarray, radii: np.ndarray) -> Pass:
            ball, form = self._bounder.relax(queries.take(index).within(radii), search, every=False)
            return read_pass(form, ball)

        return largest_radius(evaluate, start, queries.radii, tolerance=tolerance, deadline=search)
