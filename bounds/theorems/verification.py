"""What the constructions cost to verify and to store: Lipschitz constants, margins, bits, binaries of an integer
program.
"""

from typing import Any

import sympy as sp

from bounds.entry import Scope, Side, Source, Tag, Topic
from bounds.functions import Log2
from bounds.symbols import symbols
from bounds.theorems import memorizers
from bounds.theorems.family import Family, needs

N, n, d, s, b, eps, delta, tau, c, m, K_minus, B, M = symbols("N n d s b eps delta tau c m K_minus B M")
_TOPIC = Topic.VERIFICATION
_HALF = {n: sp.floor(N / 2)}
_BINARIES = "binaries of a mixed-integer program"
_LIPSCHITZ = "Lipschitz constant"


def _about(name: str, statement: str, **changes: Any) -> Family:
    fields: dict[str, Any] = {
        "id": f"verify.{name}",
        "topic": _TOPIC,
        "statement": statement,
        "source": Source("li2022", "explicit constructions"),
        "proof": "verification",
    }
    return Family(**(fields | changes))


_hinge = _about("hinge-bumps", memorizers.hinge_bumps.statement, norm="inf", where={tau: 2 * (eps - delta)})
_voronoi = _about("voronoi", memorizers.voronoi.statement, norm="2")
_paraboloid = _about("paraboloid", memorizers.paraboloid.statement, norm="2", where=memorizers.paraboloid.where)
_per_sample = _about("squares-per-sample", memorizers.squares_per_sample.statement, norm="2", where=_HALF)
_two_layer = _about(
    "two-layer",
    "A network with one hidden layer, m neurons per class.",
    norm="2",
    source=Source("li2025", "exact verification"),
)
_gap = needs(delta < eps, "the attack radius to be below half the class distance")

ENTRIES = (
    _hinge.says("lipschitz.l1", _LIPSCHITZ + " of a bump, from l1", 1 / tau, Side.UPPER),
    _hinge.says("lipschitz.inf", _LIPSCHITZ + " of a bump, from linf", d / tau, Side.UPPER),
    _hinge.says("weight", "largest weight", sp.Max(2, 1 / tau)),
    _voronoi.says("margin", "margin on every delta-ball", 4 * eps * (eps - delta), Side.LOWER, hypotheses=(_gap,)),
    _voronoi.says("binaries", _BINARIES, 2 * N, Side.UPPER),
    _paraboloid.says("binaries", _BINARIES, d * s + n, Side.UPPER),
    _paraboloid.says("error", "error of the squared distance", b**2 * d * sp.Integer(4) ** (-s), Side.UPPER),
    _paraboloid.says(
        "weight", "largest weight of a bump", 4 * b**2 / (eps * (eps - delta)), Side.UPPER, hypotheses=(_gap,)
    ),
    _per_sample.says("binaries", _BINARIES, (s + 2) * d * n + n, Side.UPPER),
    _two_layer.says("programs", "convex programs of an exact l2 radius", 2**m, Side.UPPER),
    _two_layer.says(
        "programs.max", "convex programs of an exact l2 radius", K_minus + 1, Side.UPPER, more="Maximum read-out."
    ),
    _about(
        "margin-function", "The margin function of two classes 2 eps apart.", source=Source("li2022", "Proposition 3.2")
    ).says("lipschitz", _LIPSCHITZ, 1 / eps, Side.UPPER, tag=Tag.PAPER),
    _about("hard-set-solver", "The robust network on the hard set.").says(
        "lipschitz", "largest slope of a step", 1 / (2 * (1 - c) * eps), Side.UPPER
    ),
    _about("lookup", "A look-up table of M labels packed B to a weight.", scope=Scope.CLASS).says(
        "bits", "bits of the largest integer", B, more="float64 is exact up to 53."
    ),
    _about("lookup-direct", "A look-up table of M labels with one unit per change.", scope=Scope.CLASS).says(
        "bits",
        "bits of the largest intermediate integer",
        2 * sp.ceiling(Log2(M)),
        Side.UPPER,
        more="float64 is exact up to 53.",
    ),
)
