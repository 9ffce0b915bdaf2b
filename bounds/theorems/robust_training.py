"""How many parameters zero robust training error needs: Theorems 2.2 and 2.3 as printed, explicit forms, and later
work.
"""

import sympy as sp

from bounds.entry import Scope, Side, Source, Tag, Topic
from bounds.functions import Log2, PairGroups, SmallestSize
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

N, n, d, eps, delta, rho = symbols("N n d eps delta rho")
_NNZ = "non-zero parameters"
_RATIO = {rho: delta / eps}
_BELOW_ONE = needs(rho < 1, "the attack radius to be below half the class distance, rho = delta/eps < 1")
_BELOW_HALF = needs(delta < eps / 2, "the attack radius to be below a quarter of the class distance, delta < eps/2")

_l2_upper = Family(
    id="robust-training",
    topic=Topic.EXPRESSIVE_POWER,
    statement="Some ReLU network classifies every delta-ball around the N samples correctly.",
    source=Source("li2022", "Theorem 2.2"),
)
_every_data_set = Family(
    id="robust-training",
    topic=Topic.EXPRESSIVE_POWER,
    statement="If every data set of N samples with classes 2 eps apart is classified correctly on all its delta-balls "
    "by some network with "
    "at most P non-zero parameters, then P is at least this.",
    source=Source("li2022", "explicit form of Theorem 2.3"),
    scope=Scope.WORST_CASE,
)
_kim = Family(
    id="robust-training.kim",
    topic=Topic.EXPRESSIVE_POWER,
    statement="Robust memorisation of N points in l2 at robustness ratio rho = delta/eps.",
    source=Source("kim2025", "main theorems"),
    tag=Tag.PAPER,
    norm="2",
    scope=Scope.WORST_CASE,
    hypotheses=(_BELOW_ONE,),
    where=_RATIO,
)

UPPER_INF = _l2_upper.says(
    "inf.upper",
    _NNZ,
    sp.floor(N / 2) * (6 * d + 2) + 1,
    Side.UPPER,
    norm="inf",
    proof="hinge-bumps",
    hypotheses=(needs(delta < eps, "the attack radius to be below half the class distance"),),
    more="Hinge bumps around the smaller class, which has at most half of the samples.",
)
UPPER_2 = _l2_upper.says(
    "l2.upper",
    _NNZ,
    N * (d + 4) + 4 * sp.ceiling(Log2(N)),
    Side.UPPER,
    norm="2",
    proof="voronoi",
    hypotheses=(needs(delta < eps, "the attack radius to be below half the class distance"),),
    more="The Voronoi network.",
)
CGRO_EXTRA = _l2_upper.says(
    "cgro.extra.explicit",
    "non-zero parameters added to a clean classifier",
    n * (6 * d + 3) + 9,
    norm="inf",
    source=Source("cgro", "memorisation on top of a clean classifier, explicit form"),
    proof="cgro",
    hypotheses=(needs(delta < eps, "the attack radius to be below half the class distance"),),
    more="n samples are overridden inside their balls by a branch beside the classifier.",
)
LOWER_ANY = _every_data_set.says(
    "any-norm.lower",
    _NNZ,
    SmallestSize(N, sp.Integer(0), d),
    Side.LOWER,
    proof="size-from-shattering",
    more="N far points can carry every labelling, so they are shattered; the radius plays no role.",
)
LOWER_2 = _every_data_set.says(
    "l2.lower",
    _NNZ,
    SmallestSize(sp.Min(d, sp.floor(1 / (1 - rho**2))) * sp.floor(N / 2), sp.Integer(0), d),
    Side.LOWER,
    norm="2",
    proof="translated-groups",
    where=_RATIO,
    hypotheses=(_BELOW_ONE, needs(N >= 2, "at least two samples")),
    source=Source("kim2025", "proof of the lower bound; explicit form of Theorem 2.3"),
    more="Two samples per group shatter min(d, floor(1/(1-rho^2))) points; from rho = sqrt(1 - 1/d) on that is d, and "
    "P is about sqrt(Nd/2).",
)
LOWER_INF = _every_data_set.says(
    "inf.lower",
    _NNZ,
    SmallestSize(PairGroups(N, d), sp.Integer(0), d),
    Side.LOWER,
    norm="inf",
    proof="pair-groups",
    where=_RATIO,
    hypotheses=(
        _BELOW_ONE,
        needs(rho >= sp.Rational(1, 2), "rho = delta/eps at least 1/2"),
        needs(N >= 2, "at least two samples"),
    ),
    more="Groups of r + t samples shatter r t points in linf; P grows like N^(1/2) d^(1/4).",
)
INPUTS = _every_data_set.says(
    "inputs.lower",
    _NNZ,
    sp.Min(N - 1, d),
    Side.LOWER,
    proof="relevant-inputs",
    more="The origin against N - 1 unit vectors: every one of those coordinates needs a non-zero weight.",
)
INF_DENSE = _every_data_set.says(
    "inf.dense.lower",
    "parameters, zeros included",
    (d + 1) * sp.Min(N - 1, d),
    Side.LOWER,
    norm="inf",
    where=_RATIO,
    hypotheses=(_BELOW_ONE, needs(rho > sp.Rational(1, 2), "rho = delta/eps above 1/2")),
    tag=Tag.PAPER,
    source=Source("kim2025", "width bound in linf"),
    more="The first hidden layer has at least min(N - 1, d) units.",
)

_THM_22 = Family(
    id="expressive-power.thm-2.2",
    topic=Topic.EXPRESSIVE_POWER,
    statement="N points in the unit ball, classes 2 eps apart in l2 or linf, eps < 1/2 constant, delta < eps/2: a "
    "ReLU network of this size "
    "has zero robust training error.",
    source=Source("li2022", "Theorem 2.2"),
    tag=Tag.PAPER,
    norm="2 or inf",
    hypotheses=(_BELOW_HALF, needs(eps < sp.Rational(1, 2), "eps below 1/2")),
)
_THM_23 = Family(
    id="expressive-power.thm-2.3",
    topic=Topic.EXPRESSIVE_POWER,
    statement="If every N-point data set with classes 2 eps apart is robustly memorised by a network with at most P "
    "parameters, then P is of "
    "this order.",
    source=Source("li2022", "Theorem 2.3"),
    tag=Tag.PAPER,
    norm="2 or inf",
    scope=Scope.WORST_CASE,
)

THM_22 = _THM_22.says(
    "upper",
    _NNZ,
    N * d * sp.log(d / delta),
    Side.UPPER,
    asymptotic=True,
    explicit=UPPER_INF,
    defect="A further term N polylog(N/delta) is printed and is not needed; delta < eps/2 can be relaxed to delta < "
    "eps, and the logarithm "
    "dropped.",
)
THM_23 = _THM_23.says(
    "lower",
    _NNZ,
    sp.sqrt(N * d),
    Side.LOWER,
    asymptotic=True,
    explicit=LOWER_2,
    where=_RATIO,
    defect="Printed without a condition on delta and false for tiny delta/eps. In l2 it holds for delta/eps >= sqrt(1 "
    "- 1/d); in linf only "
    "N^(1/2) d^(1/4) for delta/eps >= 1/2 could be proved, the rest is the paper's claim with an unread appendix.",
)

ENTRIES = (
    UPPER_INF,
    UPPER_2,
    LOWER_ANY,
    LOWER_2,
    LOWER_INF,
    INPUTS,
    INF_DENSE,
    THM_22,
    THM_23,
    _kim.says(
        "width.lower",
        "width of the first hidden layer",
        rho**2 * sp.Min(N - 1, d),
        Side.LOWER,
        more="An explicit data set forces it.",
    ),
    _kim.says(
        "dense.lower",
        "parameters, zeros included",
        (rho**2 * sp.Min(N, d) + 1) * d + sp.Min(1 / sp.sqrt(1 - rho**2), sp.sqrt(d)) * sp.sqrt(N),
        Side.LOWER,
        asymptotic=True,
    ),
    _kim.says(
        "tiny-radius.upper",
        _NNZ,
        sp.sqrt(N) + d,
        Side.UPPER,
        asymptotic=True,
        defect="Up to logarithms.",
        hypotheses=(needs(rho <= 1 / (5 * N * sp.sqrt(d)), "rho at most 1/(5 N sqrt(d))"),),
        scope=Scope.THIS_DATA,
    ),
    _kim.says(
        "small-radius.upper",
        "parameters, zeros included",
        N * d ** sp.Rational(1, 4) * sp.sqrt(rho),
        Side.UPPER,
        asymptotic=True,
        hypotheses=(needs(rho <= 1 / (5 * sp.sqrt(d)), "rho at most 1/(5 sqrt(d))"),),
        scope=Scope.THIS_DATA,
        defect="Up to logarithms, and for arbitrarily small robust error instead of none.",
    ),
    _kim.says(
        "dense.upper",
        "parameters, zeros included",
        N * d**2 * rho**4,
        Side.UPPER,
        asymptotic=True,
        scope=Scope.THIS_DATA,
        defect="Up to logarithms.",
    ),
    _kim.says(
        "nnz.upper",
        _NNZ,
        N * d * rho**2 + d,
        Side.UPPER,
        asymptotic=True,
        scope=Scope.THIS_DATA,
        defect="Up to logarithms.",
    ),
    _l2_upper.says(
        "yu.nnz.upper",
        _NNZ,
        N * d * Log2(d / ((1 - rho) * eps) ** 2),
        Side.UPPER,
        asymptotic=True,
        tag=Tag.UNVERIFIED,
        norm="2",
        source=Source("yu2024", "main theorem, as quoted by kim2025"),
        where=_RATIO,
        hypotheses=(_BELOW_ONE,),
        more="Width O(d).",
        defect="Quoted second hand; a term N d log R for data of size R is left out, so R = O(1) is meant.",
    ),
    CGRO_EXTRA,
    _l2_upper.says(
        "cgro.extra",
        "non-zero parameters added to a clean classifier",
        n * (6 * d + 3),
        Side.UPPER,
        asymptotic=True,
        norm="inf",
        source=Source("cgro", "memorisation on top of a clean classifier"),
        proof="cgro",
        more="n samples of small margin are overridden inside their balls, the classifier is left alone elsewhere; "
        "plus O(its depth).",
        explicit=CGRO_EXTRA,
    ),
)
