"""VC dimensions and growth functions of ReLU networks: Bartlett, Harvey, Liaw and Mehrabian, and two bounds by
activation states.
"""

import sympy as sp

from bounds.entry import Scope, Side, Source, Tag, Topic
from bounds.functions import (
    BhlmGrowth,
    BhlmSolved,
    GStateSolved,
    Layers,
    Log2,
    Parameters,
    ParameterSum,
    SmallestSize,
    Units,
    WeightedUnits,
)
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

W, U, L, W_sum, R_sum, w, M, P, d, alpha, B, m_vc, n_vc = symbols("W U L W_sum R_sum w M P d alpha B m_vc n_vc")
_SHAPE = {W: Parameters(w), U: Units(w), L: Layers(w), W_sum: ParameterSum(w), R_sum: WeightedUnits(w)}

_bhlm = Family(
    id="vc.bhlm",
    topic=Topic.VC,
    statement="A fully connected ReLU network with layers of W_1, W_2, ... cumulative parameters.",
    source=Source("bartlett2019", "Theorem 7"),
    tag=Tag.PAPER,
    scope=Scope.CLASS,
    where=_SHAPE,
)
_state = Family(
    id="vc.state",
    topic=Topic.VC,
    statement="One fixed, possibly sparse architecture with W parameters and U hidden units, by its activation states.",
    source=Source("bartlett2019", "tool lemma; sharper than Theorem 10"),
    scope=Scope.CLASS,
    proof="activation-states",
    where={W: Parameters(w), U: Units(w)},
)
_union = Family(
    id="vc.union",
    topic=Topic.VC,
    statement="All ReLU networks on d inputs with at most P non-zero parameters, of any depth, width and shape.",
    source=Source("bartlett2019", "tool lemma, summed over skeletons"),
    scope=Scope.CLASS,
    proof="size-from-shattering",
)
_shattering = Family(
    id="vc.bhlm.shattering",
    topic=Topic.VC,
    statement="An explicit network that shatters m_vc times n_vc points by extracting B bits at a time.",
    source=Source("bartlett2019", "Theorem 11"),
    tag=Tag.PAPER,
    scope=Scope.CLASS,
)
_blocks = sp.ceiling(m_vc / B)
_two_e = 2 * sp.E
_SEVERAL = needs(U >= 2, "more than two units, the output included")

ENTRIES = (
    _bhlm.says(
        "closed",
        "VC dimension",
        sp.floor(L + W_sum * Log2(4 * sp.E * R_sum * Log2(2 * sp.E * R_sum))),
        Side.UPPER,
        more="Closed form, as an integer.",
        hypotheses=(_SEVERAL,),
    ),
    _bhlm.says(
        "solved",
        "VC dimension",
        BhlmSolved(w),
        Side.UPPER,
        where={U: Units(w)},
        hypotheses=(_SEVERAL,),
        tag=Tag.DERIVED,
        proof="bhlm-solved",
        more="The growth bound solved for the number of points: numerically better.",
    ),
    _bhlm.says(
        "growth",
        "log2 of the labellings of M points",
        BhlmGrowth(w, M),
        Side.UPPER,
        where={U: Units(w)},
        hypotheses=(needs(ParameterSum(w) <= M, "at least as many points as the sum of the W_i"),),
    ),
    _bhlm.says(
        "growth-joint",
        "log2 of the labellings of M points",
        L + W_sum * Log2(_two_e * M * R_sum / W_sum),
        Side.UPPER,
        hypotheses=(needs(W_sum <= M, "at least as many points as the sum of the W_i"),),
        more="Intermediate form.",
    ),
    _bhlm.says(
        "thm-10",
        "VC dimension",
        sp.floor(2 * W * (U * Log2(3) + Log2(16 * sp.E * sp.Max(U + 1, 2)))),
        Side.UPPER,
        source=Source("bartlett2019", "Theorem 10, for ReLU"),
        more="Does not see the depth.",
    ),
    _shattering.says("points", "VC dimension", m_vc * n_vc, Side.LOWER),
    _shattering.says("parameters", "parameters", 2 + n_vc + 4 * m_vc + _blocks * ((11 + B) * 2**B + 2 * B + 2)),
    _shattering.says("units", "units", m_vc + 2 + _blocks * (5 * 2**B + B + 1)),
    _shattering.says("layers", "layers", 3 + 5 * _blocks),
    _bhlm.says(
        "thm-3",
        "largest VC dimension of networks with W parameters and L layers",
        W * L * Log2(W / L),
        Side.LOWER,
        asymptotic=True,
        source=Source("bartlett2019", "Theorem 3"),
        where={},
        hypotheses=(needs(W > L, "more parameters than layers"),),
    ),
    _state.says(
        "growth",
        "log2 of the labellings of M points",
        1 + W * ((U + 1) + Log2(_two_e * M * (U + 1) / W)),
        Side.UPPER,
        hypotheses=(needs(Log2(M) + U + 1 > Log2(W), "M 2^(U+1) above W"),),
    ),
    _state.says("solved", "VC dimension", GStateSolved(W, U), Side.UPPER),
    _union.says(
        "growth",
        "log2 of the labellings of M points",
        1 + P**2 + P * Log2(_two_e * M) + P * Log2(P * (P + d)),
        Side.UPPER,
    ),
    _union.says(
        "growth-of-depth",
        "log2 of the labellings of M points",
        P * Log2(P * (P + d)) + L + P * L * Log2(_two_e * M * L),
        Side.UPPER,
        more="At most L layers.",
        tag=Tag.DERIVED,
    ),
    _union.says(
        "size",
        "non-zero parameters",
        SmallestSize(M, alpha, d),
        Side.LOWER,
        more="What realising every labelling of M points, up to a fraction alpha of errors, takes.",
    ),
    Family(
        id="vc.sign-vectors",
        topic=Topic.VC,
        source=Source("bartlett2019", "tool lemma"),
        tag=Tag.PAPER,
        scope=Scope.CLASS,
        statement="M polynomials of degree at most L in W variables.",
    ).says(
        "count",
        "sign vectors",
        2 * (_two_e * M * L / W) ** W,
        Side.UPPER,
        hypotheses=(needs(W <= M, "at most as many variables as polynomials"),),
    ),
)
