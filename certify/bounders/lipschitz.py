"""One Lipschitz constant a margin row for the whole input space: cheap, sound everywhere, mostly loose.

``margin(x + z) >= margin(x) - L ||z||_p``, so the margin stays positive while ``||z||_p < margin(x) / L``.
"""

import itertools
import math

import numpy as np
from jaxtyping import Float64

from certify.bounders.base import AbstractBounder, MarginBounds
from certify.bounders.interval import IntervalBounder
from certify.bounders.operator_norms import operator_norm_up, padded, times_up
from certify.deadline import Deadline
from certify.network import Add, Affine, Linear, Network, ReLU
from certify.outcome import Trust
from certify.query import Queries
from certify.region import Norm
from certify.rounding import TINY, gamma

LARGEST_SIDE = 12
"""Up to so many units of either sign, the l2 constant of a network with one hidden layer is found by trying all."""

_SMALL = 1e-60
"""Beyond this size, or its inverse, the constant over activation patterns is not trusted with its rounding."""


class LipschitzBounder(AbstractBounder):
    """Margins bounded by the product of the layers' norms, branches added where they rejoin; trust ``rounded``.

    The margin at the centre comes from interval arithmetic rounded outwards. Constants in linf and l1 are the smaller
    of the product of induced norms and what the l2 constant implies (``||z||_2 <= sqrt(n) ||z||_inf``,
    ``||z||_2 <= ||z||_1``). A network with one hidden layer of at most 12 units of either sign gets its exact l2
    constant over all activation patterns. The domain is not used, which is sound.
    """

    def __init__(self, network: Network) -> None:
        self.name = "lipschitz"
        self.trust = Trust.ROUNDED
        self._network = network
        self._centre = IntervalBounder(network)
        self._values: dict[Norm, list[float]] = {}

    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        at_centre = self._centre.bound(queries.within(np.zeros(len(queries))), deadline).lower
        if deadline.passed or not at_centre.size:
            return MarginBounds(np.full(queries.offsets.shape, -np.inf), np.zeros(len(queries)))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what overflows proves nothing
            return self._from_constants(queries, at_centre)

    def _from_constants(self, queries: Queries, at_centre: Float64[np.ndarray, "b r"]) -> MarginBounds:
        rows, place = np.unique(queries.rows.reshape(-1, queries.rows.shape[2]), axis=0, return_inverse=True)
        constants = self.constants(rows, queries.norm)[place.ravel()].reshape(queries.offsets.shape)
        fall = np.nextafter(np.where(constants == 0.0, 0.0, constants * queries.radii[:, None]), np.inf)
        lower = np.nan_to_num(np.nextafter(at_centre - fall, -np.inf), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        reach = np.nextafter(at_centre / constants, 0.0).min(axis=1)  # strictly below the quotient
        proved = (at_centre > 0).all(axis=1) & (reach > 0)  # not where it is NaN
        return MarginBounds(lower, np.where(proved, np.minimum(reach, queries.radii), 0.0))

    def constants(self, rows: Float64[np.ndarray, "r m"], norm: Norm) -> Float64[np.ndarray, " r"]:
        """For each row c, a number not below the Lipschitz constant of ``x -> c @ network(x)`` in the norm."""
        induced = self._product(rows, norm)
        if norm is Norm.L2:
            exact = two_layer_constants(self._network, rows)
            return induced if exact is None else np.minimum(induced, exact)
        stretch = math.sqrt(self._network.input_width) * (1 + 1e-15) if norm is Norm.LINF else 1.0
        return np.minimum(induced, _times_up(self.constants(rows, Norm.L2), stretch))

    def _product(self, rows: Float64[np.ndarray, "r m"], norm: Norm) -> Float64[np.ndarray, " r"]:
        if norm not in self._values:
            self._values[norm] = _value_constants(self._network, norm)
        values, last = self._values[norm], self._network.nodes[-1]
        if isinstance(last.op, Affine):  # the row and the last layer are one map
            rows = _product_up(rows, last.op)
            return _times_up(_dual_norms(rows, norm), values[last.inputs[0]])
        return _times_up(_dual_norms(np.abs(rows), norm), values[-1])


def _value_constants(network: Network, norm: Norm) -> list[float]:
    """For each value of the graph a Lipschitz constant as a function of the input, same norm on both sides."""
    values = [1.0]
    for node in network.nodes:
        reads = [values[k] for k in node.inputs]
        match node.op:
            case ReLU():
                values.append(reads[0])
            case Add():
                values.append(math.nextafter(reads[0] + reads[1], math.inf))
            case linear:
                assert isinstance(linear, Linear)
                values.append(times_up(operator_norm_up(linear, norm), reads[0]))
    return values


def _product_up(rows: Float64[np.ndarray, "r m"], op: Affine) -> Float64[np.ndarray, "r n"]:
    """Not below ``|rows @ W|``, entry by entry."""
    magnitude = (abs(op.weight).T @ np.abs(rows).T).T
    slack = 2 * gamma(op.output_width + 4) * magnitude + (op.output_width + 4) * TINY
    return np.nextafter(np.abs((op.weight.T @ rows.T).T) + slack, np.inf)


def _times_up(numbers: Float64[np.ndarray, " r"], factor: float) -> Float64[np.ndarray, " r"]:
    """Not below the products of non-negative numbers, also where they underflow."""
    return np.nextafter(numbers * factor, np.inf)


def _dual_norms(rows: Float64[np.ndarray, "r n"], norm: Norm) -> Float64[np.ndarray, " r"]:
    """Upper bounds on the dual norms of rows of non-negative numbers: l1 for linf, l2 for l2, linf for l1."""
    order = {Norm.LINF: 1, Norm.L2: 2, Norm.L1: np.inf}[norm]
    return np.array([padded(float(v), rows.shape[1]) for v in np.linalg.norm(rows, order, axis=1)])


def two_layer_constants(network: Network, rows: Float64[np.ndarray, "r m"]) -> Float64[np.ndarray, " r"] | None:
    """Upper bounds, up to rounding equal, on ``max_S ||sum_{j in S} a_j w_j||_2`` over all sets S of hidden units.

    No activation pattern has a longer gradient. None if the network has no single dense hidden layer, or one row has
    more than 12 units of one sign.
    """
    ops = [node.op for node in network.nodes]
    if len(ops) != 3 or not (isinstance(ops[0], Affine) and isinstance(ops[1], ReLU) and isinstance(ops[2], Affine)):
        return None
    first, last = ops[0].weight, ops[2]
    if not isinstance(first, np.ndarray) or network.nodes[1].inputs != (1,) or network.nodes[2].inputs != (2,):
        return None
    weights = np.asarray((last.weight.T @ rows.T).T)
    if max((weights > 0).sum(axis=1).max(initial=0), (weights < 0).sum(axis=1).max(initial=0)) > LARGEST_SIDE:
        return None
    if not (_moderate(first) and _moderate(weights)):
        return None
    slack = _product_up(rows, last) - np.abs(weights)  # how far a weight may be from the exact one
    norms = np.array([padded(float(v), first.shape[1]) for v in np.linalg.norm(first, axis=1)])
    drift = slack @ norms * (1 + 1e-9)
    return np.array([_longest_sum(a[:, None] * first, a) for a in weights]) + drift


def _moderate(numbers: Float64[np.ndarray, "..."]) -> bool:
    """Whether products of four of the numbers that are not zero neither over- nor underflow."""
    sizes = np.abs(numbers[numbers != 0])
    return bool(((sizes > _SMALL) & (sizes < 1 / _SMALL)).all())


def _longest_sum(vectors: Float64[np.ndarray, "u n"], signs: Float64[np.ndarray, " u"]) -> float:
    """An upper bound on the longest sum of some of the vectors, from their Gram matrix in blocks by sign."""
    plus, minus = vectors[signs > 0], vectors[signs < 0]
    one, two = _subsets(len(plus)), _subsets(len(minus))
    own = [np.einsum("si,ij,sj->s", s, v @ v.T, s) for s, v in ((one, plus), (two, minus))]
    cross = 2.0 * one @ (plus @ minus.T)
    squared = max(float((a + own[1] + b @ two.T).max()) for a, b in zip(own[0], cross, strict=True))
    total = padded(float(np.linalg.norm(vectors, axis=1).sum()), vectors.size)
    terms = vectors.shape[1] + len(vectors) ** 2 + 16
    return math.sqrt(max(squared, 0.0) + 4 * gamma(terms) * total**2 + terms * TINY) * (1 + 1e-15)


def _subsets(count: int) -> Float64[np.ndarray, "s n"]:
    """Every subset of ``count`` things, as a row of zeros and ones."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=count))).reshape(2**count, count)
