"""Classes on a k-dimensional manifold: Theorems 5.5 and 5.8, Lemma 5.6, covers, packings and projections with
constants.
"""

import sympy as sp

from bounds.entry import Scope, Side, Source, Tag, Topic
from bounds.functions import Log2, SmallestSize
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, k, eps, c, alpha, r, R, reach, V, theta, K_A, k_proj, M, g, H, gamma, dist = symbols(
    "d k eps c alpha r R reach V theta K_A k_proj M g H gamma dist"
)
_TOPIC = Topic.EXPRESSIVE_POWER
_NNZ = "non-zero parameters"
_ball = sp.pi ** (k / 2) / sp.gamma(k / 2 + 1)

_cover = Family(
    id="manifold.cover",
    topic=_TOPIC,
    statement="Hinge bumps around K_A centres that cover one class on the manifold with radius r in linf; robust to "
    "all attacks of radius "
    "c eps, also to those that leave the manifold.",
    source=Source("li2022", "constructive replacement of Theorem 5.5"),
    norm="inf",
    proof="cover",
    hypotheses=(needs(r < 2 * (1 - c) * eps, "the cover radius r below 2(1-c) eps"),),
)
_lower = Family(
    id="manifold.packing",
    topic=_TOPIC,
    statement="A network robust on every labelling of M points of the manifold that are 2 eps apart in linf has at "
    "least this size.",
    source=Source("li2022", "evaluable form of Theorem 5.8"),
    norm="inf",
    scope=Scope.WORST_CASE,
    proof="grid-shattering",
)
_projected = Family(
    id="manifold.projected",
    topic=_TOPIC,
    source=Source("li2022", "constructive form of Lemma 5.6"),
    norm="inf",
    proof="projected-cover",
    statement="Hinge bumps after a linear map to k_proj coordinates that keeps nets of the two attacked classes apart.",
)
_paper = Family(
    id="expressive-power.thm-5.5",
    topic=_TOPIC,
    statement="Classes 2 eps apart in linf on a compact k-dimensional poly-partitionable manifold in the unit cube: a "
    "network of this order is "
    "robust at radius c eps against attacks on the manifold; k_proj = O(k log d).",
    source=Source("li2022", "Theorem 5.5"),
    tag=Tag.PAPER,
    norm="inf",
)

COVERED = _cover.says("nnz", _NNZ, K_A * (6 * d + 2) + 1, Side.UPPER)
PACKED = _lower.says(
    "lower", _NNZ, SmallestSize(M, alpha, d), Side.LOWER, more="Witnessed by an explicit packing of M points."
)
_TORUS = sp.floor(sp.pi / sp.asin(sp.sqrt(2) * eps / R)) ** k
_torus_fits = needs(sp.sqrt(2) * eps < R, "circles of radius R above sqrt(2) eps")

ENTRIES = (
    COVERED,
    PACKED,
    _paper.says(
        "upper",
        _NNZ,
        ((1 - c) * eps / sp.sqrt(d)) ** (-k_proj),
        Side.UPPER,
        asymptotic=True,
        explicit=COVERED,
        defect="Up to logarithms. A cover gives the exponent k instead of k_proj = O(k log d).",
    ),
    Family(
        id="expressive-power.lemma-5.6",
        topic=_TOPIC,
        source=Source("li2022", "Lemma 5.6"),
        tag=Tag.PAPER,
        norm="inf",
        statement="A function with Lipschitz constant 1/eps on such a manifold is approximated uniformly to theta by "
        "a network of this order.",
    ).says(
        "upper",
        _NNZ,
        (sp.sqrt(d) / (eps * theta)) ** k_proj,
        Side.UPPER,
        asymptotic=True,
        defect="Printed with the sign of the exponent reversed.",
    ),
    Family(
        id="expressive-power.thm-5.8",
        topic=_TOPIC,
        source=Source("li2022", "Theorem 5.8"),
        tag=Tag.PAPER,
        norm="inf",
        statement="On a complete compact k-dimensional manifold with non-negative Ricci curvature there are classes 2 "
        "eps apart in linf on which "
        "every smaller network has robust error at least a constant times the balance mu.",
        scope=Scope.WORST_CASE,
    ).says(
        "lower",
        _NNZ,
        (2 * eps * sp.sqrt(d / k)) ** (-k / 2),
        Side.LOWER,
        asymptotic=True,
        explicit=PACKED,
        defect="Cannot hold with constants that do not depend on the volume: a manifold smaller than eps needs no "
        "network at all.",
    ),
    _cover.says(
        "shared.nnz",
        _NNZ,
        K_A * (2 * d + 2) + 4 * H + 1,
        more="Centres that agree in a coordinate, as those of a grid do, share its hinges.",
    ),
    _cover.says(
        "size",
        "centres of a cover",
        V / _ball * (r / 2) ** (-k) * (1 - (r / (4 * reach)) ** 2) ** (-k / 2),
        Side.UPPER,
        tag=Tag.UNVERIFIED,
        source=Source("niyogi2008", "volume lemma"),
        proof="",
        more="Volume V, reach as given.",
        hypotheses=(needs(r <= 2 * reach, "r at most twice the reach"),),
        defect="Rests on a volume lemma quoted from memory.",
    ),
    _cover.says(
        "torus.size",
        "centres of a cover of a flat torus",
        sp.ceiling(sp.pi * R / r) ** k,
        Side.UPPER,
        hypotheses=(),
        more="k circles of radius R.",
    ),
    _lower.says(
        "torus.points",
        "points of a flat torus that are 2 eps apart in linf",
        _TORUS,
        Side.LOWER,
        hypotheses=(_torus_fits,),
        proof="torus-packing",
        more="k circles of radius R, aligned with the coordinates.",
        scope=Scope.CLASS,
    ),
    _lower.says(
        "torus.lower",
        _NNZ,
        SmallestSize(M, alpha, d),
        Side.LOWER,
        where={M: _TORUS},
        hypotheses=(_torus_fits,),
        proof="torus-packing",
        more="Flat torus of k circles of radius R.",
    ),
    _lower.says(
        "sphere.volume",
        "volume of a k-sphere of radius R",
        2 * sp.pi ** ((k + 1) / 2) * R**k / sp.gamma((k + 1) / 2),
        scope=Scope.CLASS,
    ),
    _lower.says(
        "torus.volume", "volume of a flat torus of k circles of radius R", (2 * sp.pi * R) ** k, scope=Scope.CLASS
    ),
    Family(
        id="manifold.subspace",
        topic=_TOPIC,
        source=Source("li2022", "affine case of Theorem 5.5"),
        norm="inf",
        proof="affine-subspace",
        statement="Classes in a known k-dimensional affine subspace: a projection to k coordinates, then the Kuhn "
        "interpolant in l2 there.",
    ).says(
        "nodes",
        "nodes of the mesh",
        (sp.ceiling(sp.sqrt(d * k) / (2 * (1 - c) * eps)) + 1) ** k,
        Side.UPPER,
        more="About 14 parameters per node, and k(d+1) for the projection.",
    ),
    _projected.says(
        "nnz",
        _NNZ,
        k_proj * (d + 1) + K_A * (6 * k_proj + 2) + 1,
        Side.UPPER,
        more="Robust on the manifold; checked on the nets.",
    ),
    _projected.says(
        "shared.nnz",
        _NNZ,
        k_proj * (d + 1) + K_A * (2 * k_proj + 2) + 4 * H + 1,
        more="Centres that agree in a coordinate after projection share its hinges.",
    ),
    Family(
        id="manifold.projected-kuhn",
        topic=_TOPIC,
        source=Source("li2022", "constructive form of Lemma 5.6"),
        norm="inf",
        proof="projected-kuhn",
        statement="The Kuhn interpolant of a Lipschitz function on M nodes of a mesh of g cells per side, after a "
        "linear map to k_proj coordinates whose lower constant a net certifies.",
    ).says(
        "nnz",
        _NNZ,
        k_proj * (d + 1) + (9 * k_proj + 2 * sp.ceiling(Log2(k_proj))) * M + 4 * k_proj * (g + 1),
        Side.UPPER,
        more="Robust on the manifold where the error is below 1 - c; checked on all pairs of the net.",
    ),
    Family(
        id="manifold.random-projection",
        topic=_TOPIC,
        source=Source("eftekhari2015", "main theorem"),
        tag=Tag.UNVERIFIED,
        norm="2",
        statement="Dimension in which a Gaussian projection keeps all distances on the manifold up to 1 +- dist with "
        "probability 1 - gamma.",
    ).says(
        "dimension",
        "dimension after projection",
        18
        / dist**2
        * sp.Max(24 * k + 2 * k * sp.log(sp.sqrt(k) / (reach * dist**2)) + sp.log(2 * V**2), sp.log(8 / gamma)),
        Side.UPPER,
        hypotheses=(needs(dist <= sp.Rational(1, 3), "dist at most 1/3"),),
        defect="Constants from memory; vacuous at practical sizes.",
    ),
)
