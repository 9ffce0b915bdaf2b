"""Networks that memorise N samples robustly, counted exactly: hinge bumps, distance bumps, Voronoi, paraboloid,
per-sample squares.
"""

from typing import Any

import sympy as sp

from bounds.entry import Side, Source, Topic
from bounds.functions import Log2, Ones, Runs
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

N, M, n, d, C, S, q, s, b, eps, delta = symbols("N M n d C S q s b eps delta")

_TOPIC = Topic.EXPRESSIVE_POWER
_HALF = {n: sp.floor(N / 2)}
_SEPARATED = needs(delta < eps, "the attack radius to be below half the class distance")
_TREE = needs(sp.Eq(d, 2**q), "the input dimension to be a power of two, d = 2^q")
_NNZ, _DENSE = "non-zero parameters", "parameters, zeros included"
_UNITS, _DEPTH = "hidden units", "affine maps"


def _li2022(place: str) -> Source:
    return Source("li2022", place)


hinge_bumps = Family(
    id="robust-memorizer.hinge-bumps",
    topic=_TOPIC,
    statement="One bump of 2d hinges around each of the n samples of the smaller class; 2 times their sum, minus 1, "
    "is at "
    "least 1 on the balls of that class and exactly -1 on the others.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="inf",
    proof="hinge-bumps",
    hypotheses=(_SEPARATED,),
    where=_HALF,
)
_two_sided = Family(
    id="robust-memorizer.hinge-bumps-two-sided",
    topic=_TOPIC,
    statement="One signed bump of 2d hinges around each of the N samples: margin 1 on both classes, 0 far away.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="inf",
    proof="hinge-bumps",
    hypotheses=(_SEPARATED,),
)
_multiclass = Family(
    id="robust-memorizer.hinge-bumps-multiclass",
    topic=_TOPIC,
    statement="One bump of 2d hinges around each of the N samples and one output for each of C classes, the sum of its "
    "bumps: margin 1.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="inf",
    proof="hinge-bumps",
    hypotheses=(_SEPARATED,),
)
_scan = Family(
    id="robust-memorizer.hinge-bumps-scan",
    topic=_TOPIC,
    statement="The hinge bumps computed in S stages of n/S samples each, carrying the input and a running sum: deep "
    "and narrow.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="inf",
    proof="hinge-bumps-scan",
    hypotheses=(_SEPARATED, needs(S >= 2, "at least two stages"), needs(n >= S, "at most one stage per sample")),
    where=_HALF,
)
_trapezoids = Family(
    id="robust-memorizer.trapezoids",
    topic=_TOPIC,
    statement="One trapezoid of the largest coordinate distance around each of the n samples of the smaller class; its "
    "Lipschitz constant in linf does not grow with d.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="inf",
    proof="trapezoids",
    hypotheses=(_SEPARATED, _TREE),
    where=_HALF | {q: sp.ceiling(Log2(d))},
)
_distance_bumps = Family(
    id="robust-memorizer.distance-bumps",
    topic=_TOPIC,
    statement="One bump of the l1 distance to each of the n samples of the smaller class.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="1",
    proof="distance-bumps",
    hypotheses=(_SEPARATED,),
    where=_HALF,
)
voronoi = Family(
    id="robust-memorizer.voronoi",
    topic=_TOPIC,
    statement="The difference of the squared distances to the two classes, as the difference of two maxima of affine "
    "forms: "
    "exact nearest-neighbour classification without squaring.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="2",
    proof="voronoi",
    hypotheses=(_SEPARATED,),
)
_BALANCED = (
    _SEPARATED,
    needs(sp.Eq(N, 2 ** (q + 1)), "two classes of 2^q samples each"),
    needs(q >= 1, "q at least 1"),
)
_BALANCED_TREE = {q: sp.ceiling(Log2(N)) - 1}

_TWO_CLASSES = (_SEPARATED, needs(2 * n <= N, "n to be the size of the smaller class"))
_TREES = _HALF | {q: sp.Max(1, sp.ceiling(Log2(N - n)))}
_CLASS = (
    _SEPARATED,
    needs(q >= 1, "at least one level"),
    needs(2**q >= M, "a class of at most 2^q samples"),
)
_level = sp.Symbol("i", integer=True, nonnegative=True)


def _width(level: Any) -> Any:
    """Units of the two trees of maxima at one level, for classes of n and N - n samples."""
    return sp.ceiling(n / 2**level) + sp.ceiling((N - n) / 2**level)


voronoi_scan = Family(
    id="robust-memorizer.voronoi-scan",
    topic=_TOPIC,
    statement="The difference of the squared distances to the two classes, each as a running maximum over its samples "
    "in N - n "
    "layers that carry the input: deep and narrow.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="2",
    proof="voronoi-scan",
    hypotheses=(*_TWO_CLASSES, needs(N - n >= 2, "at least two samples in the larger class")),
    where=_HALF,
)

_EVEN = (_SEPARATED, needs(sp.Eq(N, 2 * n), "classes of equal size"), needs(n >= 3, "at least three samples a class"))
_scan_dense = (d + 2) * (d + 1) + (d + 4) * (d + 3) + (n - 3) * (d + 4) * (d + 5) + 4 * (d + 5) + 5

_squares = {s: sp.Max(1, sp.ceiling(Log2(b**2 * d / (2 * eps * (eps - delta))) / 2)), b: 1 + delta}
paraboloid = Family(
    id="robust-memorizer.paraboloid",
    topic=_TOPIC,
    statement="The squared norm is computed once by s sawtooth stages; each ball around one of the n samples of the "
    "smaller "
    "class is then a half-space in input and squared norm.",
    source=_li2022("explicit form of Theorem 2.2"),
    norm="2",
    proof="paraboloid",
    hypotheses=(_SEPARATED, needs(b >= delta, "all attacked points to lie in the cube of half-width b around 0")),
    where=_HALF | _squares,
)
squares_per_sample = Family(
    id="robust-memorizer.squares-per-sample",
    topic=_TOPIC,
    statement="A squaring sub-network for each of the n samples of the smaller class, all in parallel: the "
    "construction of the paper, "
    "quantified.",
    source=_li2022("Theorem 2.2, the construction itself"),
    norm="2",
    proof="squares-per-sample",
    hypotheses=(_SEPARATED, needs(s >= 2, "at least two squaring stages")),
    where=_HALF | {s: sp.Max(2, sp.ceiling(Log2(d * b**2 / (2 * eps * (eps - delta))) / 2) - 1), b: 2 + delta},
)


def _even_scan_dense() -> sp.Expr:
    """All parameters of a scan in S equal stages: two layers a stage, the input carried until the last one."""
    stage = n / S
    hinges, bumps = 2 * d * stage + d, stage + d
    later, kept = hinges + 1, bumps + 1
    last = 2 * d * stage + 1
    start = hinges * (d + 1) + bumps * (hinges + 1)
    turns = later * (bumps + 1) + kept * (later + 1) + (S - 3) * (later * (kept + 1) + kept * (later + 1))
    between = sp.Piecewise((last * (bumps + 1), sp.Eq(S, 2)), (turns + last * (kept + 1), True))
    return start + between + (stage + 1) * (last + 1) + stage + 2


_paraboloid_dense = sp.Piecewise(
    (2 * d * (d + 1) + (2 * d + 1) * (d + 1) + n * (d + 2) + n + 1, sp.Eq(s, 1)),
    (
        2 * d * (d + 1)
        + (2 * d + 1) * (3 * d + 1)
        + (s - 2) * (3 * d + 2) * (3 * d + 1)
        + (3 * d + 2) * (d + 1)
        + n * (d + 2)
        + n
        + 1,
        True,
    ),
)
_per_sample_width = (2 * d + 1) * n
_per_sample_dense = (
    2 * d * n * (d + 1)
    + 2 * d * n * (2 * d * n + 1)
    + _per_sample_width * (2 * d * n + 1)
    + (s - 2) * _per_sample_width * (_per_sample_width + 1)
    + n * (_per_sample_width + 1)
    + n
    + 1
)

ENTRIES = (
    hinge_bumps.says("nnz", _NNZ, n * (6 * d + 2) + 1, more="A bias that happens to be 0 is counted."),
    hinge_bumps.says("dense", _DENSE, 2 * d * n * (d + 1) + n * (2 * d * n + 1) + n + 1),
    hinge_bumps.says("units", _UNITS, 2 * d * n + n),
    hinge_bumps.says("depth", _DEPTH, 3),
    _two_sided.says("nnz", _NNZ, N * (6 * d + 2)),
    _two_sided.says("dense", _DENSE, 2 * d * N * (d + 1) + N * (2 * d * N + 1) + N + 1),
    _two_sided.says("units", _UNITS, 2 * d * N + N),
    _two_sided.says("depth", _DEPTH, 3),
    _multiclass.says("nnz", _NNZ, N * (6 * d + 2)),
    _multiclass.says("dense", _DENSE, 2 * d * N * (d + 1) + N * (2 * d * N + 1) + C * (N + 1)),
    _multiclass.says("units", _UNITS, 2 * d * N + N),
    _multiclass.says("depth", _DEPTH, 3),
    _scan.says("nnz", _NNZ, n * (6 * d + 2) + 2 * d * (S - 1) + d + 2 * S - 1),
    _scan.says(
        "dense",
        _DENSE,
        _even_scan_dense(),
        more="Here all stages are of equal size.",
        hypotheses=(
            _SEPARATED,
            needs(S >= 2, "at least two stages"),
            needs(sp.Eq(S * sp.floor(n / S), n), "the number of stages to divide the smaller class"),
        ),
    ),
    _scan.says("units", _UNITS, n * (2 * d + 1) + 2 * (d + 1) * (S - 1)),
    _scan.says("depth", _DEPTH, 2 * S + 1),
    _trapezoids.says("nnz", _NNZ, 10 * d * n + 1),
    _trapezoids.says(
        "dense",
        _DENSE,
        2 * d * n * (d + 1) + 8 * n**2 * (d**2 - 1) / 3 + 2 * n * (d - 1) + n * (2 * n + 1) + n * (n + 1) + n + 1,
    ),
    _trapezoids.says("units", _UNITS, 4 * d * n),
    _trapezoids.says("depth", _DEPTH, q + 4),
    _distance_bumps.says("nnz", _NNZ, n * (6 * d + 4) + 1),
    _distance_bumps.says("dense", _DENSE, 2 * d * n * (d + 1) + n * (2 * d * n + 1) + n * (n + 1) + n + 1),
    _distance_bumps.says("units", _UNITS, n * (2 * d + 2)),
    _distance_bumps.says("depth", _DEPTH, 4),
    voronoi.says("nnz", _NNZ, N * (d + 4) + 4 * sp.ceiling(Log2(N)), Side.UPPER, more="Any class sizes."),
    voronoi.says(
        "nnz-balanced",
        _NNZ,
        N * (d + 4) - 8,
        more="Classes of 2^q samples each.",
        hypotheses=_BALANCED,
        where=_BALANCED_TREE,
    ),
    voronoi.says(
        "dense",
        _DENSE,
        N * (d + 2) + (2 * N**2 - 29) / 3,
        more="Classes of 2^q samples each.",
        hypotheses=_BALANCED,
        where=_BALANCED_TREE,
    ),
    voronoi.says(
        "units", _UNITS, 2 * N - 4, more="Classes of 2^q samples each.", hypotheses=_BALANCED, where=_BALANCED_TREE
    ),
    voronoi.says(
        "depth", _DEPTH, sp.ceiling(Log2(N)) + 1, Side.UPPER, more="Exact when one class has nearly all samples."
    ),
    voronoi.says(
        "nnz-two-classes",
        _NNZ,
        N * (d + 4) + 2 * q - 6 - Ones(n - 1) - Runs(n - 1) - Ones(N - n - 1) - Runs(N - n - 1),
        more="Classes of n and N - n samples, the shallower tree carried to the depth q of the other.",
        hypotheses=_TWO_CLASSES,
        where=_TREES,
    ),
    voronoi.says(
        "dense-two-classes",
        _DENSE,
        (d + 1) * N + sp.Sum(_width(_level) * (_width(_level - 1) + 1), (_level, 1, q - 1)) + _width(q - 1) + 1,
        more="Classes of n and N - n samples.",
        hypotheses=_TWO_CLASSES,
        where=_TREES,
    ),
    voronoi.says(
        "units-two-classes",
        _UNITS,
        2 * (N + q - 2) - Ones(n - 1) - Ones(N - n - 1),
        more="Classes of n and N - n samples.",
        hypotheses=_TWO_CLASSES,
        where=_TREES,
    ),
    voronoi.says(
        "depth-two-classes",
        _DEPTH,
        q + 1,
        more="Classes of n and N - n samples.",
        hypotheses=_TWO_CLASSES,
        where=_TREES,
    ),
    voronoi.says(
        "nnz-class",
        _NNZ,
        M * (d + 4) + q - 3 - Ones(M - 1) - Runs(M - 1),
        more="The share of one class of M samples, its tree carried to depth q; any number of classes.",
        hypotheses=_CLASS,
    ),
    voronoi.says(
        "units-class",
        _UNITS,
        2 * (M - 1) + q - Ones(M - 1),
        more="The share of one class of M samples, its tree carried to depth q; any number of classes.",
        hypotheses=_CLASS,
    ),
    voronoi.says(
        "depth-classes",
        _DEPTH,
        q + 1,
        more="Any number of classes, the largest one of at most 2^q samples.",
        hypotheses=_CLASS[:2],
    ),
    voronoi_scan.says("nnz", _NNZ, N * (d + 5) + (N - n) * d + N - 2 * n - 8 + sp.Max(0, 2 - n)),
    voronoi_scan.says("units", _UNITS, (N - n - 1) * d + 3 * N - 2 * n - 2),
    voronoi_scan.says("dense", _DENSE, _scan_dense, more="Here both classes have n = N/2 samples.", hypotheses=_EVEN),
    voronoi_scan.says("depth", _DEPTH, N - n + 1),
    paraboloid.says("nnz", _NNZ, n * (d + 3) + d * (8 * s - 2) + s),
    paraboloid.says("dense", _DENSE, _paraboloid_dense),
    paraboloid.says("units", _UNITS, s * (3 * d + 1) + n),
    paraboloid.says("depth", _DEPTH, s + 3),
    squares_per_sample.says("nnz", _NNZ, n * (7 * d * s + 4 * d + s + 1) + 1),
    squares_per_sample.says("dense", _DENSE, _per_sample_dense),
    squares_per_sample.says("units", _UNITS, n * (2 * d * (s + 1) + s)),
    squares_per_sample.says("depth", _DEPTH, s + 3),
)
