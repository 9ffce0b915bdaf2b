"""Networks with one hidden layer whose radii are known, and questions about them."""

import dataclasses as dc

import numpy as np

from certify.attacks.polish import confirm
from certify.deadline import Deadline
from certify.network import Affine, Network, ReLU
from certify.query import Queries, robustness
from certify.region import Norm
from certify.solvers.two_layer.solver import TwoLayerSolver


def net(weight: object, bias: object, readout: object, offset: float = 0.0) -> Network:
    """A binary network with one output."""
    w, b, a = (np.asarray(part, dtype=np.float64) for part in (weight, bias, readout))
    return Network.chain([Affine(w, b), ReLU(len(b)), Affine(a[None, :], np.array([offset]))])


def asked(network: Network, points: np.ndarray, labels: object, radius: float = np.inf) -> Queries:
    """l2 questions without a domain."""
    return robustness(network, np.atleast_2d(points), labels, norm=Norm.L2, radius=radius)


@dc.dataclass(frozen=True)
class Answer:
    """What the solver said about one input, its candidate confirmed exactly."""

    lower: float
    upper: float
    nodes: int
    settled: bool


def solved(queries: Queries, tolerance: float = 1e-7, most_nodes: int = 10_000) -> list[Answer]:
    """The solver's answers; ``upper`` is inf where no candidate was confirmed."""
    solver = TwoLayerSolver(queries.network, most_nodes=most_nodes)
    found = solver.solve(queries, np.zeros(len(queries), dtype=bool), tolerance=tolerance, deadline=Deadline.never())
    witnesses = confirm(queries, found.candidates)
    return [
        Answer(float(low), np.inf if w is None else w.distance, int(nodes), bool(end))
        for low, w, nodes, end in zip(found.radius, witnesses, found.nodes, found.settled, strict=True)
    ]
