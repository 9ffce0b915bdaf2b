"""Linearly separable data that is hard to classify robustly: Theorems 4.3 and 4.4, the sharper bound, and a network
that attains its exponent.
"""

import sympy as sp

from bounds.entry import Scope, Side, Source, Tag, Topic
from bounds.functions import Entropy, EntropyInverse, Log2, SmallestSize
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, eps, c, alpha, mu, M, B, beta, G, C_vc, a_vc = symbols("d eps c alpha mu M B beta G C_vc a_vc")
_TOPIC = Topic.EXPRESSIVE_POWER
_NNZ = "non-zero parameters"
STEPS = sp.floor(1 / (2 * eps))
POINTS = (STEPS + 1) ** (d - 1)
_EXISTS = (needs(eps <= sp.Rational(1, 2), "eps at most 1/2"), needs(d >= 2, "at least two dimensions"))

_hard = Family(
    id="hard-set",
    topic=_TOPIC,
    statement="A grid of spacing at least 2 eps in d - 1 coordinates; each point is pushed slightly up or down in the "
    "last one by its label. "
    "Two parameters classify it; robustness at radius c eps has to know every label.",
    source=Source("li2022", "explicit form of Theorem 4.3"),
    scope=Scope.WORST_CASE,
    proof="hard-set",
    hypotheses=_EXISTS,
)
_solver = Family(
    id="hard-set.solver",
    topic=_TOPIC,
    statement="A network that is robust on the whole hard set: exact steps give the grid index, a look-up table its "
    "label.",
    source=Source("li2022", "matching Theorem 4.3"),
    proof="hard-set-solver",
    hypotheses=(*_EXISTS, needs(c < 1, "attack radius below eps")),
    where={M: POINTS},
)
_table = Family(
    id="lookup",
    topic=_TOPIC,
    statement="A network of one input that answers one of two labels for each integer from 0 to M - 1.",
    source=Source("bartlett2019", "bit extraction, with integer gadgets"),
    proof="lookup-table",
    hypotheses=(needs(M >= 2, "at least two labels"),),
)
_PACKED = (needs(B >= 2, "words of at least two bits"),)
_PACKED_WIDE = (needs(B >= 3, "words of at least three bits"),)
_PACKED_DENSE = sp.ceiling(M / B) ** 2 + 5 * sp.ceiling(M / B) + 71 * B - 77
_thm_43 = Family(
    id="expressive-power.thm-4.3",
    topic=_TOPIC,
    statement="For small eps there are linearly separable classes 2 eps apart on which every network with fewer "
    "parameters has robust error at "
    "least a universal constant times the balance mu, at every radius c eps.",
    source=Source("li2022", "Theorem 4.3"),
    tag=Tag.PAPER,
    norm="2 or inf",
    scope=Scope.WORST_CASE,
)

SHARP = _hard.says(
    "lower",
    _NNZ,
    SmallestSize(POINTS, alpha, d),
    Side.LOWER,
    more="A network with fewer parameters has, for some labelling, robust error above alpha under the uniform "
    "distribution "
    "(above alpha mu when the distribution is mu-balanced); P is about sqrt((1 - H2(alpha)) M).",
)
DIRECT = _solver.says(
    "direct.nnz",
    _NNZ,
    5 * (d - 1) * STEPS + 1 + 3 * (M - 1) + 1,
    Side.UPPER,
    more="Look-up with one unit per slope change.",
)
THM_43 = _thm_43.says(
    "lower",
    _NNZ,
    (2 * eps) ** (-(d - 1) / 6),
    Side.LOWER,
    asymptotic=True,
    explicit=SHARP,
    defect="The exponent is an artefact of embedding all networks into one of cubic size: (d-1)/2 holds, with every "
    "error below 1/2 in place "
    "of 0.1, and is attained.",
)

ENTRIES = (
    THM_43,
    SHARP,
    DIRECT,
    _thm_43.says(
        "capacity",
        "log2 of labellings per point that the paper's counting needs",
        Log2(2 * (1 - 2 * alpha)) / 2,
        Side.LOWER,
        scope=Scope.CLASS,
        hypotheses=(needs(alpha < sp.Rational(1, 4), "alpha below 1/4"),),
        more="A class that is robust up to error alpha realises at least this power of 2 per point on a half of the "
        "points.",
    ),
    Family(
        id="expressive-power.thm-4.4",
        topic=_TOPIC,
        source=Source("li2022", "Theorem 4.4"),
        tag=Tag.PAPER,
        statement="Samples from which a maximal-margin hyperplane has standard error at most beta on linearly "
        "separable classes.",
    ).says("samples", "samples", d / beta**2, Side.UPPER, asymptotic=True, more="Standard, not robust, error."),
    _hard.says("points", "points of the hard set", POINTS),
    _hard.says(
        "clean.nnz",
        _NNZ,
        2,
        Side.UPPER,
        more="The sign of the last coordinate against 1/2: no standard error, robust error 1.",
    ),
    _hard.says(
        "capacity",
        "log2 of the labellings of the M points that the class must realise",
        (1 - Entropy(alpha)) * M,
        Side.LOWER,
        where={M: POINTS},
        more="Up to robust error alpha. Any growth bound may be put against it.",
    ),
    _hard.says(
        "vc",
        "VC dimension per point",
        EntropyInverse(1 - Entropy(alpha)),
        Side.LOWER,
        hypotheses=(),
        more="A class robust up to error alpha on all labellings of M points shatters this fraction of them.",
    ),
    _hard.says(
        "family.lower",
        _NNZ,
        (EntropyInverse(1 - Entropy(alpha)) * M / C_vc) ** (1 / a_vc),
        Side.LOWER,
        where={M: POINTS},
        more="For any family of models with VC dimension at most C P^a.",
    ),
    _hard.says(
        "luck",
        "log2 of the probability that a class is robust up to alpha on random labels",
        G + (Entropy(alpha) - 1) * M,
        Side.UPPER,
        where={M: POINTS},
        more="The class realises at most 2^G labellings of the M points.",
    ),
    _solver.says(
        "lookup.nnz",
        _NNZ,
        5 * (d - 1) * STEPS + 1 + 8 * sp.ceiling(M / B) + 25 * B,
        Side.UPPER,
        more="Labels packed B bits to a weight and unpacked by B rounds; best near B = sqrt(8M/25).",
    ),
    _solver.says(
        "packed.nnz",
        _NNZ,
        5 * (d - 1) * STEPS + 6 * sp.ceiling(M / B) + 21 * B - 15,
        more="As lookup, with gadgets that saturate, so that every sum is exact in float64 when ceil(M/B) 2^B is at "
        "most 2^52. A difference of words that happens to be 0 is counted.",
        hypotheses=(*_EXISTS, needs(c < 1, "attack radius below eps"), *_PACKED),
    ),
    _solver.says(
        "packed.dense",
        "parameters, zeros included",
        (d - 1) * STEPS * (d + 1) + ((d - 1) * STEPS + 1) ** 2 + _PACKED_DENSE,
        more="Look-up with B labels to a weight.",
        hypotheses=(*_EXISTS, *_PACKED_WIDE),
    ),
    _solver.says(
        "packed.units",
        "hidden units",
        2 * (d - 1) * STEPS + 2 * sp.ceiling(M / B) + 11 * B - 5,
        more="Labels packed into words, saturating gadgets.",
        hypotheses=(*_EXISTS, *_PACKED),
    ),
    _solver.says(
        "packed.depth",
        "affine maps",
        2 * B + 7,
        more="Labels packed into words, saturating gadgets.",
        hypotheses=(*_EXISTS, *_PACKED),
    ),
    _table.says("direct.nnz", _NNZ, 3 * (M - 1), Side.UPPER, more="One unit per slope change."),
    _table.says("direct.units", "hidden units", M - 1, more="One unit per slope change."),
    _table.says(
        "packed.nnz",
        _NNZ,
        6 * sp.ceiling(M / B) + 21 * B - 16,
        more="B labels to a weight, saturating gadgets. A difference of words that happens to be 0 is counted.",
        hypotheses=_PACKED,
    ),
    _table.says(
        "packed.dense",
        "parameters, zeros included",
        _PACKED_DENSE,
        more="B labels to a weight, saturating gadgets.",
        hypotheses=_PACKED_WIDE,
    ),
    _table.says(
        "packed.units",
        "hidden units",
        2 * sp.ceiling(M / B) + 11 * B - 6,
        more="B labels to a weight, saturating gadgets.",
        hypotheses=_PACKED,
    ),
    _table.says(
        "packed.depth", "affine maps", 2 * B + 4, more="B labels to a weight, saturating gadgets.", hypotheses=_PACKED
    ),
    _solver.says("steps.nnz", _NNZ, 5 * (d - 1) * STEPS + 1, more="Index computation alone."),
    _solver.says(
        "direct.units", "hidden units", 2 * (d - 1) * STEPS + M, more="Look-up with one unit per slope change."
    ),
    _solver.says(
        "direct.dense",
        "parameters, zeros included",
        (d - 1) * STEPS * (d + 1) + ((d - 1) * STEPS + 1) * ((d - 1) * STEPS + 1) + 3 * M - 2,
        more="Look-up with one unit per slope change.",
    ),
    _solver.says("direct.depth", "affine maps", 5, more="Look-up with one unit per slope change."),
    _solver.says("slope", "largest slope of a step", 1 / (1 / STEPS - 2 * c * eps)),
)
