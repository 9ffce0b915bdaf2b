"""Interpolants on the Kuhn mesh as robust classifiers: of the margin function, or of its sign at the nodes."""

import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Int64

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from certify.rounding import float_down, float_up, print_ceil, print_floor
from constructions.counting import count_claims
from constructions.dyadic import rational
from constructions.generalisation.classes import Classes, separated_classes
from constructions.generalisation.faults import misclassified, require_shape
from constructions.generalisation.hats import Hats
from constructions.generalisation.mesh import Mesh, cells_for_margin, cells_for_signs
from constructions.generalisation.survey import Survey, survey
from constructions.generalisation.vertex_proofs import Interpolant, interpolation, read
from constructions.theorem import (
    Claim,
    Construction,
    Evidence,
    Family,
    Labelled,
    Proved,
    Refuted,
    Theorem,
    Undecided,
    parameter,
)

_BITS = 20
"""Binary places of the margin function at a node."""
_ERRORS = {Norm.LINF: "error.inf", Norm.L2: "error.l2", Norm.L1: "error.l1"}
_ID = "robust-classifier.kuhn."

THEOREM = Theorem(
    "Theorem 3.3 by interpolation: the margin function on a mesh of the cube",
    "For two classes 2 eps apart in the unit cube, the piecewise linear interpolant of the margin function on a Kuhn "
    "mesh with cells of order (1 - c) eps is a ReLU network whose robust error at radius c eps is 0.",
    Source("li2022", "explicit form of Theorem 3.3"),
    Tag.DERIVED,
)


class _Plan(NamedTuple):
    """What is built: the hats of the nodes at ``kept``, for a mesh that has been surveyed."""

    survey: Survey
    hats: Hats
    kept: Int64[np.ndarray, " K"]


@dc.dataclass(frozen=True)
class _Kuhn(Family):
    """The parameters and the claims that both ways to compute maxima share."""

    theorem: ClassVar[Theorem] = THEOREM
    shared: ClassVar[bool]

    eps: Fraction = parameter("half the distance between the classes; 0 takes it from the data", default=Fraction(0))
    c: Fraction = parameter("attack radius divided by eps, between 0 and 1", default=Fraction(1, 2))
    norm: Norm = parameter("norm of distances and attacks: inf, 2 or 1", default=Norm.LINF)
    cells: int = parameter("cells a side of the mesh; 0 takes the least that the proof allows", default=0)
    values: str = parameter("what is interpolated: margin, or signs (margin 1, finer mesh)", default="margin")
    active: bool = parameter("leave out nodes that no attack can feel", default=False)
    clip: bool = parameter("move inputs into the cube first, for attacks that leave it", default=True)

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        plan = self._plan(self._classes(data))
        if self.values == "signs":
            return plan.hats.network(np.full(len(plan.kept), 2.0), -1.0)
        return plan.hats.network(np.ldexp(np.rint(np.ldexp(plan.survey.margins[plan.kept], _BITS)), -_BITS))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Robustness, margin, uniform error, interpolation and counts; see ``Family.claims``."""
        classes = self._classes(data)
        require_shape(network, classes.dimension)
        mesh = self._mesh(classes)
        claims = [self._robust(network, classes), self._margin(network, classes, mesh), self._nodal(network, classes)]
        if self.values == "margin" and not self.active:
            claims.append(self._uniform(network, classes, mesh))
        return (*claims, *self._counts(network, mesh))

    def _classes(self, data: Labelled | None) -> Classes:
        assert data is not None
        if self.values not in ("margin", "signs"):
            raise InvalidInput(f"values must be margin or signs, got {self.values!r}.")
        return separated_classes(data, self.norm, self.eps, self.c)

    def _mesh(self, classes: Classes) -> Mesh:
        """The mesh asked for, or the coarsest that leaves a margin.

        Raises:
            InvalidInput: the mesh asked for leaves none.
        """
        d, slack = classes.dimension, classes.attack.slack
        least = (cells_for_signs if self.values == "signs" else cells_for_margin)(d, self.norm, slack)
        if self.cells < 0:
            raise InvalidInput(f"cells must be positive (0 takes the least number), got {self.cells}.")
        if self.cells:
            mesh = Mesh(self.cells, d, self.norm)
            if _promised(self.values, classes, mesh) <= 0:
                raise InvalidInput(f"A mesh of {self.cells} cells a side is too coarse here; take {least} or more.")
            return mesh
        for cells in (least, least + 1):  # the second where rounding to nodes eats what the first leaves
            if _promised(self.values, classes, Mesh(cells, d, self.norm)) > 0:
                return Mesh(cells, d, self.norm)
        raise InvalidInput(f"c = {self.c} is too near 1: a margin of {float(1 - self.c):g} is lost in rounding.")

    def _plan(self, classes: Classes) -> _Plan:
        found = survey(classes, self._mesh(classes))
        kept = np.ones(len(found.nodes), dtype=bool)
        if self.values == "signs":
            kept = found.near_positive
        elif self.active:
            kept = found.near_positive | found.near_negative
        hats = Hats(found.nodes[kept], found.mesh.cells, self.shared, self.clip)
        return _Plan(found, hats, np.flatnonzero(kept))

    def _interpolant(self, network: Network, classes: Classes) -> Interpolant | Undecided:
        plan = self._plan(classes)
        return read(network, plan.hats, plan.survey, plan.kept)

    def _near(self, classes: Classes) -> str:
        where = "" if self.clip else " of the unit cube"
        return f"within {classes.attack.radius} in {self.norm} of a point{where}"

    def _robust(self, network: Network, classes: Classes) -> Claim:
        def proof() -> Evidence:
            return _margin_proof(network, self._interpolant(network, classes), classes, Fraction(0))

        statement = f"The sign is right at every input {self._near(classes)}."
        return Claim("robust-radius", statement, classes.attack.radius, Tag.DERIVED, "", proof)

    def _margin(self, network: Network, classes: Classes, mesh: Mesh) -> Claim:
        value = _promised(self.values, classes, mesh)

        def proof() -> Evidence:
            return _margin_proof(network, self._interpolant(network, classes), classes, value)

        size = _floor(value)
        statement = f"The output is at least {size} {self._near(classes)} of A, and at most -{size} if of B."
        return Claim("margin", statement, value, Tag.DERIVED, "", proof)

    def _nodal(self, network: Network, classes: Classes) -> Claim:
        def proof() -> Evidence:
            found = self._interpolant(network, classes)
            return found if isinstance(found, Undecided) else interpolation(network, self._plan(classes).hats)

        statement = (
            "The network is affine on every simplex of the mesh: its hats are 1 at their node and 0 at others, and "
            "all hats of a mesh sum to 1."
        )
        return Claim("interpolation", statement, 1, Tag.DERIVED, "", proof)

    def _uniform(self, network: Network, classes: Classes, mesh: Mesh) -> Claim:
        value = _distance_promised(classes, mesh)

        def proof() -> Evidence:
            found = self._interpolant(network, classes)
            if isinstance(found, Undecided):
                return found
            distance = found.distance(np.ones(len(found.values), dtype=bool))
            if distance > value:
                return Undecided(f"Only a distance of {_ceiling(distance)} from the margin function is proved.")
            return Proved(
                "nodes compared with rounding bounded, and the mesh inequality", f"at most {_ceiling(distance)}"
            )

        statement = f"The network is within {_ceiling(value)} of the margin function everywhere in the unit cube."
        return Claim("uniform-error", statement, value, Tag.DERIVED, _ID + _ERRORS[self.norm], proof)

    def _counts(self, network: Network, mesh: Mesh) -> tuple[Claim, ...]:
        power = mesh.dimension > 1 and mesh.dimension & (mesh.dimension - 1) == 0
        kind = ("" if self.shared else "tree.") + ("clipped." if self.clip else "") + ("" if power else "any-d.")
        depth = "clipped.depth" if self.clip else "depth"
        entries = {"nnz": f"{_ID}given-mesh.{kind}nnz", "depth": _ID + depth}
        if power:
            entries |= {name: f"{_ID}given-mesh.{kind}{name}" for name in ("dense", "units")}
        return count_claims(network, entries, {"d": mesh.dimension, "g": mesh.cells})


def _ceiling(value: Fraction) -> str:
    return print_ceil(float_up(value), 9)


def _floor(value: Fraction) -> str:
    return print_floor(float_down(value), 9)


def _distance_promised(classes: Classes, mesh: Mesh) -> Fraction:
    """How far the network that is built may be from the margin function: the mesh, the rounding of nodes, of floats."""
    rounding = Fraction(1, 2 ** (_BITS + 1)) + 2 * classes.margin.error(classes.attack.eps) + Fraction(4, 2**51)
    return classes.margin.lipschitz(classes.attack.eps) * mesh.deviation + rounding


def _promised(values: str, classes: Classes, mesh: Mesh) -> Fraction:
    """A margin under attack that the built network certainly has; not positive where the mesh is too coarse."""
    if values == "margin":
        return 1 - classes.attack.c - _distance_promised(classes, mesh)
    room = classes.attack.slack - mesh.reach - 3 * classes.margin.distance_error()
    return Fraction(1) if room > 0 else Fraction(0)


def _margin_proof(network: Network, found: Interpolant | Undecided, classes: Classes, value: Fraction) -> Evidence:
    """That the margin under attack is at least ``value``, and positive."""
    if isinstance(found, Undecided):
        return found
    by_signs, by_error = found.margin_by_signs(), found.margin_by_error()
    margin = max(by_signs, by_error)
    if margin > 0 and margin >= value:
        way = (
            "vertices of all simplices that meet an attacked ball"
            if by_signs >= by_error
            else "distance to f* at the nodes"
        )
        return Proved(f"{way}, in rational numbers", f"margin {_floor(margin)} within {classes.attack.radius}")
    wrong = misclassified(network, classes.margin.positive, classes.margin.negative)
    if wrong is not None:
        return Refuted("evaluated exactly", wrong)
    return Undecided(f"Only a margin of {_floor(margin)} is proved under attack; rebuild it, or take a finer mesh.")


@dc.dataclass(frozen=True)
class Kuhn(_Kuhn):
    """The Kuhn interpolant with partial maxima shared between nodes that agree in a block of coordinates."""

    name: ClassVar[str] = "kuhn"
    shared: ClassVar[bool] = True


@dc.dataclass(frozen=True)
class KuhnTree(_Kuhn):
    """The Kuhn interpolant with a tree of maxima for each node."""

    name: ClassVar[str] = "kuhn-tree"
    shared: ClassVar[bool] = False


def kuhn(points: Any, labels: Any, *, shared: bool = True, **parameters: Any) -> Construction:
    """The Kuhn interpolant for labelled points, robust at ``c eps``, with its claims.

    ``parameters`` are those of ``Kuhn``: eps, c, norm, cells, values, active, clip. With ``shared=False`` each node has
    a tree of maxima of its own.

    Raises:
        InvalidInput: see ``separated_classes``; a mesh that is too coarse or has too many nodes.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "eps": lambda v: rational(v, "eps"),
        "c": lambda v: rational(v, "c"),
        "norm": Norm.parse,
    }
    given: dict[str, Any] = {
        name: readers[name](value) if name in readers else value for name, value in parameters.items()
    }
    return (Kuhn if shared else KuhnTree)(**given).construct(Labelled.of(points, labels))
