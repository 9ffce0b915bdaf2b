"""How far the class of a cluster centre holds: rigorous enclosures from the network's own weights.

Everything is float64 with its rounding bounded. Below: to change a positive centre's sign, some set S of negative
neurons must make up for the active own ones, ``sum_own a z <= sum_S |a| z``, a half-space whose distance is a bound for
any weights; the worst S of each size is bounded from sorted activations and from the largest inner products, which is
tight when neurons of different features are orthogonal. Above: the foot of the nearest half-space, moved out a little,
where the network is evaluated.
"""

import dataclasses as dc

import numpy as np
from jaxtyping import Bool, Float64

from certify.network import Affine, Network, Node, ReLU
from certify.rounding import gamma
from constructions.distributions import Clusters
from constructions.readouts import Readout, read_out
from constructions.sameness import difference
from constructions.theorem import Undecided

_OVERSHOOT = 2e-9
"""A witness lies this much beyond the half-space it was found with, relatively."""

_ACTIVE = 1e-6
"""Own neurons below this share of the largest activation are left out, which only lowers the lower bound."""

_TINY = 1e-300
"""More than all underflow in a dot product; also keeps lengths off zero."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class CentreRadii:
    """The l2 radius of each of the k centres lies in ``[lower, upper]``; 0 is a lower bound, infinity an upper one."""

    lower: Float64[np.ndarray, " k"]
    upper: Float64[np.ndarray, " k"]


def sum_centre_radii(network: Network, clusters: Clusters) -> CentreRadii | Undecided:
    """Of a network of one hidden layer and one output, any weights; undecided for other shapes."""
    match network.nodes:
        case (Node(Affine() as first, (0,)), Node(ReLU(), (1,)), Node(Affine() as last, (2,))) if (
            last.output_width == 1 and not last.bias.any()
        ):
            layer, readout = _Layer(_dense(first), first.bias), _dense(last)[0]
        case _:
            return Undecided(
                "The network is not of one hidden layer and one output without bias. Use python -m certify."
            )
    return _enclose(_SumNet(layer, readout), clusters)


def max_centre_radii(network: Network, clusters: Clusters) -> CentreRadii | Undecided:
    """Of the max read-out of one neuron per cluster, in the order of the clusters; undecided for other networks."""
    first = network.nodes[0].op
    if not isinstance(first, Affine) or first.output_width != clusters.k:
        return Undecided(f"The network does not begin with a neuron for each of the {clusters.k} clusters.")
    scores = Network.chain([first, ReLU(clusters.k), Affine(np.eye(clusters.k), np.zeros(clusters.k))])
    place = difference(network, read_out(scores, clusters.positive, Readout.MAX))
    if place is not None:
        return Undecided(f"The network is not the maximum of its neurons: it differs in {place}.")
    return _enclose(_MaxNet(_Layer(_dense(first), first.bias), clusters.positive), clusters)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """Numbers known up to rounding."""

    lower: Float64[np.ndarray, "..."]
    upper: Float64[np.ndarray, "..."]


class _Layer:
    """Neurons ``z = W x + b``: activations and inner products with their rounding errors."""

    def __init__(self, weight: Float64[np.ndarray, "r d"], bias: Float64[np.ndarray, " r"]) -> None:
        self.weight, self.bias = weight, bias
        self._relative = gamma(weight.shape[1] + 8) * (1 + 1e-9)
        self._lengths = np.linalg.norm(weight, axis=1) * (1 + self._relative)

    def at(self, points: Float64[np.ndarray, "b d"]) -> _Ends:
        """The activations (b, r): a dot product is off by at most gamma times the lengths of its factors."""
        sizes = np.linalg.norm(points, axis=1)[:, None] * (1 + self._relative) * self._lengths + np.abs(self.bias)
        values = points @ self.weight.T + self.bias
        error = self._relative * sizes + _TINY
        return _Ends(values - error, values + error)

    def gram(self) -> _Ends:
        """The inner products (r, r) of the weights."""
        products = self.weight @ self.weight.T
        error = self._relative * self._lengths[:, None] * self._lengths + _TINY
        return _Ends(products - error, products + error)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """A lower bound of the distance to where a centre's sign is lost; a direction and length that should get there."""

    lower: float
    direction: Float64[np.ndarray, " d"]
    length: float

    @classmethod
    def along(cls, slope: Float64[np.ndarray, " d"], distance: float, needed: float) -> "_Nearest":
        """Of a bound ``distance``, rounded, when a margin of ``needed`` falls along ``slope``."""
        length = float(np.linalg.norm(slope)) + _TINY
        return cls(distance * (1 - 1e-14), slope / length, needed / length)


class _SumNet:
    """``sum_r a_r relu(z_r)``; for the bound equal neurons of equal sign are one."""

    def __init__(self, layer: _Layer, readout: Float64[np.ndarray, " r"]) -> None:
        self.layer = layer
        self._readout = readout
        keys = np.column_stack([layer.weight, layer.bias, np.sign(readout)])
        rows, group = np.unique(keys, axis=0, return_inverse=True)
        self._merged = _Layer(np.ascontiguousarray(rows[:, :-2]), np.ascontiguousarray(rows[:, -2]))
        self._share = np.bincount(group.ravel(), weights=readout, minlength=len(rows))
        self._gram = self._merged.gram()

    def largest(self, at: _Ends, sign: float) -> float:
        """An upper bound of ``sign * f`` at one point with these activations (1, r) of ``layer``."""
        a = sign * self._readout
        gain = np.maximum(a, 0.0) @ np.maximum(at.upper[0], 0.0)
        loss = np.maximum(-a, 0.0) @ np.maximum(at.lower[0], 0.0)
        return float(gain - loss + gamma(2 * len(a) + 4) * (gain + loss))

    def nearest(self, centre: Float64[np.ndarray, "1 d"], sign: float) -> _Nearest:
        """The best q = 0, 1, ... opposing neurons, by bounds that hold for every choice of q."""
        at, rounding = self._merged.at(centre), gamma(8 * len(self._readout) + 16)
        a = sign * self._share
        low, high = at.lower[0], at.upper[0]
        own = (a > 0) & (low > _ACTIVE * high.max(initial=0.0))
        rivals = np.flatnonzero(a < 0)
        gains = -a[rivals] * high[rivals]
        rivals, gains = rivals[np.argsort(-gains)], -np.sort(-gains)
        head, size = a[own] @ low[own], a[own] @ np.abs(low[own]) + np.abs(gains).sum()
        needed = head - np.concatenate([[0.0], np.cumsum(gains)]) - rounding * size
        squares = self._squared_lengths(a, own, rivals) * (1 + rounding) + _TINY
        distances = np.maximum(needed, 0.0) / np.sqrt(squares)
        q = int(distances.argmin())
        chosen = own.copy()
        chosen[rivals[:q]] = True
        return _Nearest.along(-(a * chosen) @ self._merged.weight, float(distances[q]), float(needed[q]))

    def _squared_lengths(
        self, a: Float64[np.ndarray, " r"], own: Bool[np.ndarray, " r"], rivals: np.ndarray
    ) -> Float64[np.ndarray, " q"]:
        """Upper bounds of ``||sum_own a w + sum_S a w||^2`` over all sets S of q rivals, for q = 0, 1, ..."""
        scaled = a[:, None] * a[None, :]
        terms = np.maximum(scaled * self._gram.lower, scaled * self._gram.upper)
        count = np.arange(len(rivals) + 1)
        most = np.concatenate([[0.0], np.cumsum(-np.sort(-np.diag(terms)[rivals]))])
        between = np.abs(_sizes(self._gram) * np.abs(scaled))
        cross = between[np.ix_(rivals, np.flatnonzero(own))].sum(axis=1).max(initial=0.0)
        pairs = between[np.ix_(rivals, rivals)]
        np.fill_diagonal(pairs, 0.0)
        sizes = terms[np.ix_(own, own)].sum() + 2 * gamma(own.size + 4) * between[np.ix_(own, own)].sum()
        return sizes + most + 2 * count * cross + count * np.maximum(count - 1, 0) * pairs.max(initial=0.0)


class _MaxNet:
    """``max_+ relu(z) - max_- relu(z)``."""

    def __init__(self, layer: _Layer, positive: Bool[np.ndarray, " k"]) -> None:
        self.layer = layer
        self._positive = positive
        self._gram = layer.gram()

    def largest(self, at: _Ends, sign: float) -> float:
        """A number with the sign of an upper bound of ``sign * f``: a difference of floats rounds to its own sign."""
        own = self._positive == (sign > 0)
        return float(np.maximum(at.upper[0, own], 0.0).max() - np.maximum(at.lower[0, ~own], 0.0).max())

    def nearest(self, centre: Float64[np.ndarray, "1 d"], sign: float) -> _Nearest:
        """The largest own neuron i alone: ``z_i <= 0`` or ``z_i <= z_l`` for some rival l."""
        at, own = self.layer.at(centre), self._positive == (sign > 0)
        i = int(np.where(own, at.lower[0], -np.inf).argmax())
        rivals = np.flatnonzero(~own)
        needed = np.append(at.lower[0, i] - at.upper[0, rivals], at.lower[0, i])
        diagonal, inner = np.diag(self._gram.upper), self._gram.lower[i, rivals]
        rounded = gamma(4) * (diagonal[i] + diagonal[rivals] + 2 * np.abs(inner))
        squares = np.append(diagonal[i] + diagonal[rivals] - 2 * inner + rounded, diagonal[i]) + _TINY
        distances = np.maximum(needed, 0.0) / np.sqrt(squares)
        best = int(distances.argmin())
        weight = self.layer.weight
        direction = (weight[rivals[best]] if best < len(rivals) else 0.0) - weight[i]
        return _Nearest.along(direction, float(distances[best]), float(needed[best]))


def _enclose(net: _SumNet | _MaxNet, clusters: Clusters) -> CentreRadii:
    found = [_one(net, clusters.features[j : j + 1], float(clusters.signs[j])) for j in range(clusters.k)]
    lower, upper = np.array(found).T
    return CentreRadii(lower, upper)


def _one(net: _SumNet | _MaxNet, centre: Float64[np.ndarray, "1 d"], sign: float) -> tuple[float, float]:
    nearest = net.nearest(centre, sign)
    moved = centre + (1 + _OVERSHOOT) * nearest.length * nearest.direction
    if not net.largest(net.layer.at(moved), sign) <= 0:  # NaN is no witness
        return nearest.lower, float("inf")
    reach = float(np.linalg.norm(moved - centre)) * (1 + gamma(centre.size + 8))
    return nearest.lower, reach


def _sizes(ends: _Ends) -> Float64[np.ndarray, "..."]:
    return np.maximum(np.abs(ends.lower), np.abs(ends.upper))


def _dense(op: Affine) -> Float64[np.ndarray, "m n"]:
    return op.weight if isinstance(op.weight, np.ndarray) else op.weight.toarray()


def activations(op: Affine, points: Float64[np.ndarray, "b d"]) -> Float64[np.ndarray, "b r"]:
    """Upper bounds of the neurons' activations over the lengths of their weights, with rounding bounded.

    Negative where the neuron is silent, by how many lengths of its weight.
    """
    layer = _Layer(_dense(op), op.bias)
    high = layer.at(points).upper
    ends = np.sqrt(np.stack([np.diag(layer.gram().lower).clip(min=_TINY), np.diag(layer.gram().upper)]))
    return np.where(high > 0, high / ends[0], high / ends[1]) * (1 + np.sign(high) * 1e-14)
