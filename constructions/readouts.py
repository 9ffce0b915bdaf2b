"""From a network with one score per cluster to one binary ReLU network: positive clusters against negative ones.

``max`` and ``sum`` are exact over the reals. Log-sum-exp is not piecewise linear; two networks bracket it.
"""

import dataclasses as dc
import enum
import math
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float64

from certify.errors import InvalidInput
from certify.network import Affine, Network, Node, ReLU
from constructions.compose import Chain, Forms, canonical
from constructions.dyadic import ceil_to, exact_float, lowest_bits
from constructions.gadgets import Halving, halving, tree_depth
from constructions.wiring import series

_GRID_BITS = 26
"""Values at knots are multiples of ``2**-26``."""


class Readout(enum.Enum):
    """How scores f_j become one number: ``max_+ f - max_- f``, or ``sum_+ f - sum_- f``."""

    MAX = "max"
    SUM = "sum"

    @classmethod
    def parse(cls, text: str) -> "Readout":
        """The read-out of this name. Raises InvalidInput for another one."""
        if text in ("lse", "logsumexp"):
            raise InvalidInput(
                "log-sum-exp is smooth, so no ReLU network computes it. constructions.readouts.log_sum_exp makes two "
                "that bracket it; max is within log K of it."
            )
        if text not in {readout.value for readout in cls}:
            raise InvalidInput(f"There is no read-out {text!r}. Use one of: max, sum.")
        return cls(text)


def read_out(network: Network, positive: Bool[np.ndarray, " k"], readout: Readout) -> Network:
    """One network with one output: the read-out of ``network``'s k scores, exactly, over the reals.

    ``max`` adds ``ceil(log2 K)`` hidden layers, K the larger class; ``sum`` adds none. The first new affine map is
    merged with the last old one whenever no weight has to be rounded for that.

    Raises:
        InvalidInput: marks that are not one per score, or a class without a score.
    """
    _check(network, positive)
    if readout is Readout.SUM:
        return _joined(network, Network.chain([Affine(np.where(positive, 1.0, -1.0)[None, :], np.zeros(1))]))
    return _joined(network, _maxima(positive, signed=not scores_are_nonnegative(network)))


def _maxima(positive: Bool[np.ndarray, " k"], *, signed: bool) -> Network:
    chain = Chain(len(positive))
    pools = [chain.inputs().take(np.flatnonzero(marks)) for marks in (positive, ~positive)]
    while any(len(pool) > 1 for pool in pools):
        levels = [signed_halving(pool) if signed else halving(pool, 1) for pool in pools]
        units = chain.relu(*(level.units for level in levels))
        pools = [made.combined(level.merge) for made, level in zip(units, levels, strict=True)]
    return chain.output(pools[0] - pools[1])


def signed_halving(forms: Forms) -> Halving:
    """The next level of maxima over forms of any sign: ``max(a, b) = relu(a - b) + relu(b) - relu(-b)``.

    A last odd one out is carried as ``relu(a) - relu(-a)``.
    """
    pairs, odd = len(forms) // 2, len(forms) % 2
    first, second = forms.take(slice(0, 2 * pairs, 2)), forms.take(slice(1, None, 2))
    carried = Forms.stack(second, forms.take(slice(2 * pairs, None)))
    units = Forms.stack(first - second, carried, -carried)
    take, keep = sp.eye_array(pairs + odd, pairs, format="csr"), sp.eye_array(pairs + odd, format="csr")
    return Halving(units, canonical(sp.csr_array(sp.hstack([take, keep, -keep], format="csr"))))


def scores_are_nonnegative(network: Network) -> bool:
    """Whether no output can be negative, by the signs of the last weights: a sufficient condition."""
    last = network.nodes[-1]
    match last.op:
        case ReLU():
            return True
        case Affine() as op:
            (value,) = last.inputs
            after_relu = value > 0 and isinstance(network.nodes[value - 1].op, ReLU)
            return after_relu and all(bool((numbers >= 0).all()) for numbers in op.parameters)
        case _:
            return False


@dc.dataclass(frozen=True, slots=True, eq=False)
class LogSumExp:
    """Networks around ``log sum_+ exp f - log sum_- exp f``: ``under <= it <= over = under + error`` everywhere.

    A positive ``under`` proves the class positive, a negative ``over`` proves it negative.
    """

    under: Network
    over: Network
    error: Fraction


def log_sum_exp(network: Network, positive: Bool[np.ndarray, " k"], *, error: float = 0.05) -> LogSumExp:
    """Two ReLU networks that bracket the log-sum-exp read-out to within ``error``, soundly over the reals.

    Pairs are combined by ``b + softplus(a - b)`` with a piecewise linear softplus from above (``Softplus``); sums of
    exponentials are monotone and 1-Lipschitz in each score, so its errors add up over the levels of the tree and no
    further.

    Raises:
        InvalidInput: what ``read_out`` refuses, or an error outside [1e-4, 1].
    """
    _check(network, positive)
    if not 1e-4 <= error <= 1:
        raise InvalidInput(f"An error of {error} for log-sum-exp is not offered; take one between 1e-4 and 1.")
    depths = [tree_depth(int(marks.sum())) for marks in (positive, ~positive)]
    softplus = Softplus.within(error / max(1, sum(depths)))
    chain = Chain(len(positive))
    pools = [chain.inputs().take(np.flatnonzero(marks)) for marks in (positive, ~positive)]
    while any(len(pool) > 1 for pool in pools):
        levels = [_softened(pool, softplus) for pool in pools]
        units = chain.relu(*(level.units for level in levels))
        constants = (
            np.arange(level.merge.shape[0]) < len(pool) // 2 for level, pool in zip(levels, pools, strict=True)
        )
        pools = [
            made.combined(level.merge) + softplus.floor * marks
            for made, level, marks in zip(units, levels, constants, strict=True)
        ]
    above, below = (softplus.error * depth for depth in depths)
    difference = pools[0] - pools[1]
    heads = [Affine(difference.weight, difference.bias + shift) for shift in (-exact_float(above), exact_float(below))]
    middle = chain.output(difference)
    under, over = (_joined(network, _with_last(middle, head)) for head in heads)
    return LogSumExp(under, over, above + below)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Softplus:
    """A piecewise linear function ``floor + sum_s slopes_s relu(t - knots_s)`` in ``log(1 + e^t) + [0, error]``.

    It interpolates values rounded up to a dyadic grid at equally spaced knots in [-T, T], is constant before, and has
    slope 1 after. Between knots a chord of a convex function lies above it, by at most ``h^2/8 max f'' = h^2/32``;
    beyond them the error is ``log(1 + e^-T)``. All numbers are dyadic: the network is the function of the proof.
    """

    knots: Float64[np.ndarray, " s"]
    slopes: Float64[np.ndarray, " s"]
    floor: float
    error: Fraction

    @classmethod
    def within(cls, error: float) -> "Softplus":
        """One whose error is at most ``error``."""
        spacing = 2.0 ** math.floor(math.log2(math.sqrt(32 * 0.99 * error)))
        last = math.ceil(-math.log(math.expm1(0.99 * error)) / spacing)
        knots = spacing * np.arange(-last, last + 1)
        values = [ceil_to(Fraction(math.log1p(math.exp(t)) + 1e-12), _GRID_BITS) for t in knots.tolist()]
        values[-1] = Fraction(knots[-1]) + values[0]
        heights = np.array([exact_float(value) for value in values])
        rises = np.concatenate([[0.0], np.diff(heights) / spacing, [1.0]])
        chord = Fraction(spacing) ** 2 / 32 + Fraction(1, 2 ** (_GRID_BITS - 1))
        return cls(knots, np.diff(rises), float(heights[0]), max(values[0], chord))


def _softened(forms: Forms, softplus: Softplus) -> Halving:
    """The next level of log-sum-exp, constants left out: S units a pair, and each second one carried with its sign."""
    pairs, odd = len(forms) // 2, len(forms) % 2
    first, second = forms.take(slice(0, 2 * pairs, 2)), forms.take(slice(1, None, 2))
    carried = Forms.stack(second, forms.take(slice(2 * pairs, None)))
    count = len(softplus.knots)
    gaps = (first - second).take(np.repeat(np.arange(pairs), count)) - np.tile(softplus.knots, pairs)
    units = Forms.stack(gaps, carried, -carried)
    take = sp.kron(sp.eye_array(pairs + odd, pairs), softplus.slopes[None, :], format="csr")
    keep = sp.eye_array(pairs + odd, format="csr")
    return Halving(units, canonical(sp.csr_array(sp.hstack([take, keep, -keep], format="csr"))))


def _with_last(network: Network, op: Affine) -> Network:
    """``network`` with another last op."""
    return Network(network.input_shape, (*network.nodes[:-1], Node(op, network.nodes[-1].inputs)))


def _joined(network: Network, head: Network) -> Network:
    """``head`` after ``network``, with the two affine maps that meet merged if that is exact in float64."""
    last, first = network.nodes[-1], head.nodes[0].op
    merged = _product(first, last.op) if isinstance(last.op, Affine) and isinstance(first, Affine) else None
    if merged is None:
        return series(network, head)
    body = Network(network.input_shape, (*network.nodes[:-1], Node(merged, last.inputs)))
    if len(head.nodes) == 1:
        return body
    return series(body, Network.chain([node.op for node in head.nodes[1:]]))


def _product(second: Affine, first: Affine) -> Affine | None:
    """``second`` after ``first`` as one map; None when some sum of products could be rounded.

    A sum of multiples of ``2**g`` whose sizes add up to less than ``2**(53 + g)`` is exact in any order.
    """
    left = sp.csr_array(second.weight)
    right = np.column_stack([_dense(first), first.bias])
    constant = np.append(np.zeros(right.shape[1] - 1), 1.0)[None, :] * second.bias[:, None]
    grain = np.minimum(lowest_bits(right).min(axis=0), 0) + int(lowest_bits(left.data).min(initial=0))
    grain[-1] = min(int(grain[-1]), int(lowest_bits(second.bias).min(initial=0)))
    size = (abs(left) @ np.abs(right) + np.abs(constant)).max(axis=0, initial=0.0)
    if (size * 1.01 >= np.ldexp(1.0, 53 + grain)).any() or (grain < -1074).any():
        return None
    product = left @ right + constant
    weight, bias = np.ascontiguousarray(product[:, :-1]), np.ascontiguousarray(product[:, -1])
    return Affine(weight, bias)


def _dense(op: Affine) -> Float64[np.ndarray, "m n"]:
    return op.weight.toarray() if isinstance(op.weight, sp.csr_array) else op.weight


def _check(network: Network, positive: Bool[np.ndarray, " k"]) -> None:
    if positive.shape != (network.output_width,):
        raise InvalidInput(f"{positive.size} marks for the {network.output_width} scores of this network; one each.")
    if positive.all() or not positive.any():
        raise InvalidInput(f"All {positive.size} scores belong to one class; a read-out compares two.")
