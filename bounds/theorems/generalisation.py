"""Robust generalisation on separated classes: Theorems 3.3 and 3.4, the Kuhn interpolant, covers by bumps, and what no
network avoids.
"""

from typing import Any

import sympy as sp

from bounds.entry import Entry, Scope, Side, Source, Tag, Topic
from bounds.functions import Log2, SmallestSize
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, g, eps, c, q, r, s, K_A = symbols("d g eps c q r s K_A")
_TOPIC = Topic.EXPRESSIVE_POWER
_NNZ = "non-zero parameters"
_DENSE = "parameters, zeros included"
_SLACK = (1 - c) * eps
_TREE = needs(sp.Eq(d, 2**q), "the input dimension to be a power of two, d = 2^q")
_TREE_DEPTH = {q: sp.ceiling(Log2(d))}

MESH_INF = sp.ceiling(3 / (4 * _SLACK))
MESH_2 = sp.floor(sp.sqrt(d) / (2 * _SLACK)) + 1
MESH_1 = sp.floor(d / (2 * _SLACK)) + 1
CELLS_INF = sp.floor(1 / (2 * _SLACK)) + 1
CELLS_2 = sp.floor(sp.sqrt(d) / (2 * _SLACK)) + 1

_kuhn = Family(
    id="robust-classifier.kuhn",
    topic=_TOPIC,
    statement="The piecewise linear interpolant of the margin function on the Kuhn triangulation, as a ReLU network; "
    "its "
    "robust error at radius c eps is 0 for any two classes 2 eps apart in the unit cube; kuhn.clip.nnz more for "
    "attacks that leave the cube.",
    source=Source("li2022", "explicit form of Theorem 3.3"),
    norm="inf",
    proof="kuhn",
)
_cover = Family(
    id="robust-classifier.cover",
    topic=_TOPIC,
    statement="One bump around each centre of a cover of one class; margin 1 and robust error 0 at radius c eps for "
    "any two "
    "classes 2 eps apart.",
    source=Source("li2022", "explicit form of Theorem 3.3"),
    norm="inf",
    proof="cover",
)
_thm_33 = Family(
    id="expressive-power.thm-3.3",
    topic=_TOPIC,
    statement="Any two classes 2 eps apart in the unit cube, in l2 or linf, have a network of this order with zero "
    "robust test error at radius "
    "c eps.",
    source=Source("li2022", "Theorem 3.3"),
    tag=Tag.PAPER,
    norm="2 or inf",
)
_thm_34 = Family(
    id="expressive-power.thm-3.4",
    topic=_TOPIC,
    statement="If all pairs of classes 2 eps apart in the unit cube are classified, even only at the points "
    "themselves, by networks with at "
    "most P parameters, then P is at least this.",
    source=Source("li2022", "Theorem 3.4"),
    tag=Tag.PAPER,
    norm="2 or inf",
    scope=Scope.WORST_CASE,
)

_shared_level = sp.Symbol("l", integer=True, positive=True)
_first = sp.Eq(_shared_level, 1)
_up = sp.Piecewise((2, _first), (4, True))
_down = sp.Piecewise((1, _first), (2, True))


def shared_nnz(mesh: sp.Expr) -> sp.Expr:
    """The size of the Kuhn network on a mesh of so many cells per side when partial maxima over blocks of coordinates
    are shared; d = 2^q.
    """
    level = _shared_level
    block = d / 2**level * (2 * _up * (mesh + 1) ** (2**level) + 2 * _down * (mesh + 1) ** (2 ** (level - 1)))
    return 4 * d * (mesh + 1) - 2 * d + sp.Sum(block, (level, 1, q)) + 6 * (mesh + 1) ** d


def tree_nnz(mesh: sp.Expr) -> sp.Expr:
    """The size of the Kuhn network on a mesh of so many cells per side with a tree of maxima per node; d = 2^q."""
    return (9 * d - 6) * (mesh + 1) ** d + 4 * d * (mesh + 1) - 2 * d


def shared_units(mesh: sp.Expr) -> sp.Expr:
    """The hidden units that go with ``shared_nnz``."""
    level = _shared_level
    block = 2 * d / 2**level * ((mesh + 1) ** (2**level) + (mesh + 1) ** (2 ** (level - 1)))
    return 2 * d * (mesh + 1) + sp.Sum(block, (level, 1, q)) + (mesh + 1) ** d


def _dense(mesh: sp.Expr, width: sp.Expr) -> sp.Expr:
    """All parameters, zeros included, when level l of the maxima has ``width`` units."""
    level, hinges, nodes = _shared_level, 2 * d * (mesh + 1), (mesh + 1) ** d
    between = width * (width.subs(level, level - 1) + 1)
    ends = (d + 1) * hinges + (hinges + 1) * width.subs(level, 1) + (width.subs(level, q) + 1) * nodes + nodes + 1
    return sp.Sum(between, (level, 2, q)) + ends


def shared_dense(mesh: sp.Expr) -> sp.Expr:
    """The parameters, zeros included, that go with ``shared_nnz``."""
    level = _shared_level
    return _dense(mesh, 2 * d / 2**level * ((mesh + 1) ** (2**level) + (mesh + 1) ** (2 ** (level - 1))))


def tree_dense(mesh: sp.Expr) -> sp.Expr:
    """The parameters, zeros included, that go with ``tree_nnz``."""
    return _dense(mesh, 4 * d / 2**_shared_level * (mesh + 1) ** d)


def _on_a_given_mesh(clipped: bool) -> tuple[Entry, ...]:
    """The sizes on a mesh of g cells per side, with or without a clip layer in front."""
    more, where = "On a mesh of g cells per side", "given-mesh." + ("", "clipped.")[clipped]
    tree = where.replace("given-mesh.", "given-mesh.tree.")
    nnz, units, dense = (3 * d, 2 * d, 2 * d * (d + 1)) if clipped else (sp.Integer(0),) * 3
    more += ", behind a clip layer" if clipped else ""
    power: dict[str, Any] = {"norm": "any", "where": _TREE_DEPTH, "hypotheses": (_TREE, needs(q >= 1, "d at least 2"))}
    plain: dict[str, Any] = {"norm": "any", "where": _TREE_DEPTH}
    half = (g + 1) ** (2 ** sp.Max(q - 1, 0))
    any_tree = tree_nnz(g) + sp.Max(1, 2 * q - 3) * (g + 1) ** d
    any_shared = 14 * (g + 1) ** d + 26 * half + 4 * d * (g + 1)
    one, shared = "a tree of maxima per node.", "partial maxima shared between nodes."
    return (
        _kuhn.says(where + "nnz", _NNZ, shared_nnz(g) + nnz, more=f"{more}, {shared}", **power),
        _kuhn.says(where + "units", "hidden units", shared_units(g) + units, more=f"{more}, {shared}", **power),
        _kuhn.says(where + "dense", _DENSE, shared_dense(g) + dense, more=f"{more}, {shared}", **power),
        _kuhn.says(where + "any-d.nnz", _NNZ, any_shared + nnz, Side.UPPER, more=f"{more}, {shared}", **plain),
        _kuhn.says(tree + "nnz", _NNZ, tree_nnz(g) + nnz, more=f"{more}, {one}", **power),
        _kuhn.says(
            tree + "units",
            "hidden units",
            2 * d * (g + 1) + (4 * d - 3) * (g + 1) ** d + units,
            more=f"{more}, {one}",
            **power,
        ),
        _kuhn.says(tree + "dense", _DENSE, tree_dense(g) + dense, more=f"{more}, {one}", **power),
        _kuhn.says(tree + "any-d.nnz", _NNZ, any_tree + nnz, Side.UPPER, more=f"{more}, {one}", **plain),
    )


_box = 1 + c * eps
_radius_2 = sp.sqrt(d) / (2 * CELLS_2)
_plateau_2 = c * eps + _radius_2
_ramp_2 = 2 * (_SLACK - _radius_2)
_STAGES_2 = {s: sp.Max(1, sp.ceiling(Log2(2 * _box**2 * d / (_ramp_2 * (2 * _plateau_2 + _ramp_2))) / 2))}

COVER_INF = _cover.says(
    "whole-cube.inf.nnz",
    _NNZ,
    (2 * d + 2) * CELLS_INF**d + 4 * d * CELLS_INF + 1,
    Side.UPPER,
    more="All cells of a grid of the cube, with hinges shared along coordinates.",
)
COVER_2 = _cover.says(
    "whole-cube.l2.nnz",
    _NNZ,
    CELLS_2**d * (d + 3) + d * (8 * s - 2) + s,
    Side.UPPER,
    norm="2",
    where=_STAGES_2,
    more="Paraboloid bumps on all cells of a grid of the cube.",
)
GRID_LOWER = _thm_34.says(
    "explicit.lower",
    _NNZ,
    SmallestSize((sp.floor(1 / (2 * eps)) + 1) ** d, sp.Integer(0), d),
    Side.LOWER,
    tag=Tag.DERIVED,
    source=Source("li2022", "explicit form of Theorem 3.4"),
    proof="grid-shattering",
    hypotheses=(needs(eps <= sp.Rational(1, 2), "eps at most 1/2"),),
    more="The grid of spacing 1/floor(1/(2 eps)) is shattered; P is about (K+1)^(d/2) and no logarithm is lost.",
)
THM_33 = _thm_33.says(
    "upper",
    _NNZ,
    _SLACK ** (-d),
    Side.UPPER,
    asymptotic=True,
    explicit=COVER_INF,
    defect="Hides a factor that depends on d only; in l2 it is of order d^(d/2) and cannot be avoided. The attack may "
    "leave the unit cube: a "
    "clip layer in front is needed.",
)
THM_34 = _thm_34.says(
    "lower",
    _NNZ,
    (2 * eps) ** (-d / 2) / sp.sqrt(d * sp.log(1 / (2 * eps))),
    Side.LOWER,
    asymptotic=True,
    explicit=GRID_LOWER,
    defect="The logarithm comes from the VC bound used and is not needed.",
    hypotheses=(needs(eps < sp.Rational(1, 2), "eps below 1/2"),),
)

_PACKING = sp.gamma(d / 2 + 1) * sp.pi ** (-d / 2) * (2 * eps) ** (-d)

ENTRIES = (
    THM_33,
    THM_34,
    COVER_INF,
    COVER_2,
    GRID_LOWER,
    _kuhn.says("mesh.inf", "cells per side of the mesh", MESH_INF, more="Enough in linf."),
    _kuhn.says("mesh.l2", "cells per side of the mesh", MESH_2, norm="2", more="Enough in l2."),
    _kuhn.says("mesh.l1", "cells per side of the mesh", MESH_1, norm="1", more="Enough in l1."),
    _kuhn.says("nodes.inf", "nodes of the mesh", (MESH_INF + 1) ** d),
    _kuhn.says("nodes.l2", "nodes of the mesh", (MESH_2 + 1) ** d, norm="2"),
    _kuhn.says(
        "tree.nnz",
        _NNZ,
        tree_nnz(MESH_INF),
        hypotheses=(_TREE, needs(q >= 1, "d at least 2")),
        where=_TREE_DEPTH,
        more="One tree of maxima per node.",
    ),
    _kuhn.says(
        "nnz",
        _NNZ,
        shared_nnz(MESH_INF),
        hypotheses=(_TREE, needs(q >= 1, "d at least 2")),
        where=_TREE_DEPTH,
        more="Partial maxima shared between nodes: about 14 parameters per node whatever d is.",
    ),
    *_on_a_given_mesh(clipped=False),
    *_on_a_given_mesh(clipped=True),
    _kuhn.says("depth", "affine maps", q + 3, norm="any", where=_TREE_DEPTH),
    _kuhn.says("clipped.depth", "affine maps", q + 5, norm="any", where=_TREE_DEPTH, more="Behind a clip layer."),
    _kuhn.says(
        "error.inf",
        "uniform interpolation error times eps over the cell side",
        sp.Rational(3, 4) - 1 / (2 * (d + 1)),
        Side.UPPER,
        more="Attained for odd d.",
    ),
    _kuhn.says(
        "error.l2", "uniform interpolation error times eps over the cell side", sp.sqrt(d) / 2, Side.UPPER, norm="2"
    ),
    _kuhn.says("error.l1", "uniform interpolation error times eps over the cell side", d / 2, Side.UPPER, norm="1"),
    _kuhn.says(
        "clip.nnz",
        "non-zero parameters added by a clip layer",
        3 * d,
        Side.UPPER,
        norm="any",
        more="Makes the network robust to attacks that leave the cube.",
    ),
    _cover.says(
        "nnz",
        _NNZ,
        K_A * (6 * d + 2) + 1,
        Side.UPPER,
        hypotheses=(needs(r < 2 * _SLACK, "the cover radius r below 2(1-c) eps"),),
        more="K_A centres in the class, cover radius r; also for classes on a manifold, and robust to attacks that "
        "leave it.",
    ),
    _cover.says(
        "cells.nnz",
        _NNZ,
        K_A * (2 * d + 2) + 4 * d * g + 1,
        Side.UPPER,
        more="K_A centres of cells of a grid with g cells a side, hinges shared along coordinates.",
    ),
    _cover.says(
        "cells.dense",
        _DENSE,
        2 * d * g * (d + 1) + K_A * (2 * d * g + 1) + K_A + 1,
        Side.UPPER,
        more="K_A centres of cells of a grid with g cells a side, hinges shared along coordinates.",
    ),
    _cover.says(
        "cells.units",
        "hidden units",
        K_A + 2 * d * g,
        Side.UPPER,
        more="K_A centres of cells of a grid with g cells a side, hinges shared along coordinates.",
    ),
    _cover.says(
        "ramp",
        "ramp tau of the bumps",
        2 * _SLACK - r,
        Side.UPPER,
        hypotheses=(needs(r < 2 * _SLACK, "r below 2(1-c) eps"),),
        more="Centres in the class.",
    ),
    _cover.says("cells.inf", "cells of the cube", CELLS_INF**d, Side.UPPER),
    _thm_34.says(
        "packing-l2.points",
        "points of the unit cube that are 2 eps apart in l2",
        sp.ceiling(_PACKING),
        Side.LOWER,
        norm="2",
        tag=Tag.DERIVED,
        source=Source("li2022", "remark to Theorem 3.4"),
        proof="l2-packing",
        scope=Scope.CLASS,
    ),
    _thm_34.says(
        "packing-l2.lower",
        _NNZ,
        SmallestSize(_PACKING, sp.Integer(0), d),
        Side.LOWER,
        norm="2",
        tag=Tag.DERIVED,
        source=Source("li2022", "remark to Theorem 3.4"),
        proof="l2-packing",
        hypotheses=(needs(_PACKING >= 2, "a packing of at least two points"),),
        more="A maximal packing in l2 instead of the grid; exceeds it when d is large.",
    ),
)
