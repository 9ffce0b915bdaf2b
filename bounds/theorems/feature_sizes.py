"""Sizes of the feature networks: one neuron per cluster, or copies of two averaged ones."""

import sympy as sp

from bounds.entry import Side, Source, Tag, Topic
from bounds.functions import Log2
from bounds.symbols import symbols
from bounds.theorems.family import Family

d, k, m, K_plus, K_minus = symbols("d k m K_plus K_minus")
_NNZ, _DENSE = "non-zero parameters", "parameters, zeros included"
_UNITS, _DEPTH = "ReLUs", "affine maps on the longest path"
_SOURCE = Source("li2025", "Figure 1, counted")
_levels = sp.ceiling(Log2(sp.Max(K_plus, K_minus)))
_COUNTS = {k: K_plus + K_minus}


def _network(name: str, statement: str) -> Family:
    return Family(
        id=name,
        topic=Topic.FEATURE_AVERAGING,
        statement=statement,
        source=_SOURCE,
        tag=Tag.DERIVED,
        proof="feature-sizes",
        where=_COUNTS if name == "decoupled.max" else {},
    )


_robust = _network("f-robust", "One neuron per cluster with a bias, features without zero entries.")
_averaged = _network("averaged.bias-free", "m equal neurons per class without biases, features without zero entries.")
_sum = _network("decoupled.sum", "One neuron per cluster without bias, features without zero entries, sums.")
_max = _network("decoupled.max", "One neuron per cluster without bias, and two trees of maxima.")

ENTRIES = (
    _robust.says("nnz", _NNZ, k * (d + 2)),
    _robust.says("dense", _DENSE, k * (d + 2) + 1),
    _robust.says("units", _UNITS, k),
    _robust.says("depth", _DEPTH, sp.Integer(2)),
    _averaged.says("nnz", _NNZ, 2 * m * (d + 1)),
    _averaged.says("dense", _DENSE, 2 * m * (d + 2) + 1),
    _averaged.says("units", _UNITS, 2 * m),
    _averaged.says("depth", _DEPTH, sp.Integer(2)),
    _sum.says("nnz", _NNZ, k * (d + 1)),
    _sum.says("dense", _DENSE, k * (d + 2) + 1),
    _sum.says("units", _UNITS, k),
    _sum.says("depth", _DEPTH, sp.Integer(2)),
    _max.says("nnz", _NNZ, k * d + 6 * (k - 2) + 4 * _levels + 4, Side.UPPER),
    _max.says("units", _UNITS, 3 * k - 4 + 2 * _levels, Side.UPPER),
    _max.says("depth", _DEPTH, 2 + _levels),
)
