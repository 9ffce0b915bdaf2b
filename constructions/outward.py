"""Interval bounds of any network, rounded outwards: for networks whose sums are not exact in float64."""

import dataclasses as dc

import numpy as np
import scipy.sparse as sp

from certify.errors import InvalidInput
from certify.network import Add, Affine, Conv2d, Linear, Network, Op, ReLU
from certify.rounding import TINY, gamma
from constructions.enclosure import Intervals, folded


def enclose_outward(network: Network, boxes: Intervals) -> Intervals:
    """Bounds of the outputs on each box: interval arithmetic, with every rounding charged.

    A computed dot product of n terms and a bias is off by at most ``gamma(n + 1)`` times the sum of absolute values
    (higham2002, Section 3.1), and by underflow in each of its operations.

    Raises:
        InvalidInput: a bound overflows.
    """
    return folded(network, boxes, _bound)


def _bound(op: Op, reads: list[Intervals]) -> Intervals:
    match op:
        case Affine() | Conv2d():
            return _linear(op, reads[0])
        case ReLU():
            return Intervals(np.maximum(reads[0].lower, 0.0), np.maximum(reads[0].upper, 0.0))
        case Add():
            return _outward(reads[0].lower + reads[1].lower, reads[0].upper + reads[1].upper)


def _linear(op: Linear, read: Intervals) -> Intervals:
    up, down = _part(op, 1.0), _part(op, -1.0)
    size = dc.replace(op, weight=abs(op.weight), bias=np.abs(op.bias))
    terms = 2 * _terms(op) + 4  # two dot products, their biases and sums; the size is a computed number too
    charge = size.apply(np.maximum(np.abs(read.lower), np.abs(read.upper)))
    charge = charge * (gamma(terms) * (1 + gamma(terms))) + 4 * terms * TINY
    constant = op.apply(np.zeros((1, op.input_width)))  # the bias, exactly
    lower = up.apply(read.lower) - down.apply(read.upper) + constant
    upper = up.apply(read.upper) - down.apply(read.lower) + constant
    return _outward(lower - charge, upper + charge)


def _part(op: Linear, sign: float) -> Linear:
    """The positive part of ``sign`` times the weights, without the bias."""
    return dc.replace(op, weight=_positive(op.weight * sign), bias=np.zeros_like(op.bias))


def _positive(weight: np.ndarray | sp.csr_array) -> np.ndarray | sp.csr_array:
    return sp.csr_array(weight.maximum(0.0)) if isinstance(weight, sp.csr_array) else np.maximum(weight, 0.0)


def _terms(op: Linear) -> int:
    """The most terms that one output sums up."""
    if isinstance(op, Conv2d):
        return int(np.prod(op.weight.shape[1:]))
    return int(op.weight.shape[1])


def _outward(lower: np.ndarray, upper: np.ndarray) -> Intervals:
    """One unit in the last place further out, for the last operation."""
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise InvalidInput("Interval bounds of this network overflow float64; scale its weights down.")
    return Intervals(np.nextafter(lower, -np.inf), np.nextafter(upper, np.inf))
