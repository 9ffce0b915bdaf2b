"""Interval bound propagation: the cheapest bound, exact where no dependency is lost. (gowal2018, Section 3)"""

import numpy as np
import torch

from certify.bounders.ball import BallBatch
from certify.bounders.base import AbstractBounder, MarginBounds
from certify.bounders.crown import nothing
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.tensor_network import TensorNetwork


class IntervalBounder(AbstractBounder):
    """Interval arithmetic in float64 on the CPU, rounded outwards; trust ``rounded``.

    The margin rows are folded into the last value by interval arithmetic too. ``radius`` is the question's own or 0.
    """

    def __init__(self, network: Network) -> None:
        self.name = "ibp"
        self.trust = Trust.ROUNDED
        self._tensors = TensorNetwork(network, dtype=torch.float64)

    @torch.no_grad()
    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        if deadline.passed:
            return nothing(queries)
        ball = BallBatch.of(queries, self._tensors, rounded=True)
        enclosure = Enclosure.start(self._tensors, ball)
        for _ in queries.network.nodes:
            enclosure.extend()
        hull = BallBatch.box(enclosure.lower[-1], enclosure.upper[-1])
        rows, offsets = self._tensors.tensor(queries.rows), self._tensors.tensor(queries.offsets)
        lower = (hull.minimum(rows) + offsets).cpu().numpy()
        lower = np.nextafter(np.nan_to_num(lower, nan=-np.inf), -np.inf)
        return MarginBounds(lower, np.where((lower > 0).all(axis=1), queries.radii, 0.0))
