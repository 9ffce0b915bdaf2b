"""Radii of networks with one neuron per cluster: biased, read out by maximum or sum, and of ReLU powers."""

import sympy as sp

from bounds.entry import Side, Source, Tag, Topic
from bounds.functions import Gauss, Least
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, k, K_minus, delta, sigma, beta, omega, p = symbols("d k K_minus delta sigma beta omega p")
_TOPIC = Topic.FEATURE_AVERAGING
_RADIUS = "robust radius"
_i = sp.Symbol("i", integer=True, positive=True)
_HALF = sp.Rational(1, 2)

_robust = Family(
    id="f-robust",
    topic=_TOPIC,
    statement="One neuron per cluster with bias -beta d, positive clusters minus negative ones.",
    source=Source("li2025", "Section 3, robust solution, with constants"),
    norm="2",
    proof="f-robust",
)
_max = Family(
    id="decoupled.max",
    topic=_TOPIC,
    statement="One bias-free neuron per cluster, the largest positive against the largest negative.",
    source=Source("li2025", "explicit form of Theorem 4.7"),
    norm="2",
    proof="decoupled",
)
_sum = Family(
    id="decoupled.sum",
    topic=_TOPIC,
    statement="One bias-free neuron per cluster, the sum of the positive minus the sum of the negative.",
    source=Source("li2025", "explicit form of Theorem 4.7"),
    norm="2",
    proof="decoupled",
)
RATIO = sp.Min(1 - beta, Least((1 + beta * (_i - 1)) / sp.sqrt(_i + 1), _i, 1, K_minus))

ROBUST = _robust.says(
    "radius", _RADIUS, sp.sqrt(d) * RATIO, more="At the cluster centres; K_minus clusters in the other class."
)
MAX = _max.says("radius", _RADIUS, sp.sqrt(d / 2), more="At the centres: no classifier has more.")
SUM = _sum.says("radius", _RADIUS, sp.sqrt(d / (1 + K_minus)), more="At the centres.")

ENTRIES = (
    ROBUST,
    MAX,
    SUM,
    _robust.says(
        "ratio",
        "robust radius over sqrt(d)",
        RATIO,
        more="At the cluster centres; K_minus clusters in the other class.",
    ),
    _robust.says(
        "window.lower",
        "smallest optimal beta",
        sp.sqrt(sp.Rational(3, 2)) - 1,
        more="From here to f-robust.window.upper the radius is sqrt(d/2), as much as any classifier has.",
    ),
    _robust.says("window.upper", "largest optimal beta", 1 - 1 / sp.sqrt(2)),
    _robust.says("textbook.radius", _RADIUS, sp.sqrt(d) / 2, more="At the centres, beta = 1/2."),
    _robust.says(
        "textbook.accuracy",
        "robust accuracy",
        Gauss((sp.sqrt(d) / 2 - delta) / sigma),
        more="beta = 1/2 and noise sigma, up to the probability that a neuron of another cluster is active.",
    ),
    _robust.says(
        "noise.activation",
        "probability",
        (k - 1) * Gauss(-beta * sp.sqrt(d) / sigma),
        Side.UPPER,
        more="That a sample of noise sigma activates a neuron of another cluster; small when beta sqrt(d) is well "
        "above sigma sqrt(2 log k).",
    ),
    _robust.says("gain", "radius over that of the averaged network", sp.sqrt(k / 2), more="Optimal beta."),
    _robust.says(
        "axis.linf.radius",
        _RADIUS,
        sp.sqrt(d) / 2,
        norm="inf",
        proof="linf-features",
        more="beta = 1/2, features along the axes.",
    ),
    _max.says("gain", "radius over that of the averaged network", sp.sqrt(k / 2)),
    _max.says(
        "hadamard.linf.radius",
        _RADIUS,
        1,
        norm="inf",
        proof="linf-features",
        more="Features with entries +-1; the best possible.",
    ),
    _sum.says(
        "gain",
        "radius over that of the averaged network",
        sp.sqrt(k / (1 + k / 2)),
        more="Balanced classes; less than sqrt(2).",
    ),
    _sum.says(
        "trained.radius",
        _RADIUS,
        sp.sqrt(d) * (1 + K_minus * omega) / sp.sqrt(1 + K_minus),
        tag=Tag.UNVERIFIED,
        proof="",
        more="With off-diagonal coefficients -omega of the diagonal ones; training gives omega about 1/sqrt(d).",
        defect="First order in omega; matches measured radii.",
    ),
    Family(
        id="relu-power",
        topic=_TOPIC,
        source=Source("min2024", "pReLU network, exact centre radius"),
        norm="2",
        proof="relu-power",
        statement="One neuron per cluster, ReLU to the power p, no biases, features orthonormal.",
    ).says(
        "radius",
        _RADIUS,
        1 / sp.sqrt(1 + sp.Max(1, K_minus ** (2 / p - 1))),
        hypotheses=(needs(p >= 1, "a power of at least 1"),),
        more="At the centres; 1/sqrt(2) from p = 2 on for every number of clusters.",
    ),
)
