"""Every family by name, imported when it is asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from certify.errors import InvalidInput
from constructions.theorem import Family

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "hinge-bumps": "constructions.memorizer.hinge_bumps:HingeBumps",
        "voronoi": "constructions.memorizer.voronoi:Voronoi",
        "voronoi-scan": "constructions.memorizer.voronoi_scan:VoronoiScan",
        "paraboloid": "constructions.memorizer.paraboloid:Paraboloid",
        "squares-per-sample": "constructions.memorizer.sample_squares:SampleSquares",
        "hinge-bumps-scan": "constructions.memorizer.hinge_scan:HingeScan",
        "trapezoids": "constructions.memorizer.trapezoids:Trapezoids",
        "distance-bumps": "constructions.memorizer.distance_bumps:DistanceBumps",
        "cgro": "constructions.memorizer.cgro:Cgro",
        "kuhn": "constructions.generalisation.kuhn:Kuhn",
        "kuhn-tree": "constructions.generalisation.kuhn:KuhnTree",
        "cover": "constructions.generalisation.cover:Cover",
        "hard-set-linear": "constructions.hard.linear:HardSetLinear",
        "hard-set-solver": "constructions.hard.solver:HardSetSolver",
        "manifold-cover": "constructions.manifold.cover_bumps:ManifoldCover",
        "subspace-kuhn": "constructions.manifold.subspace_kuhn:SubspaceKuhn",
        "projected-kuhn": "constructions.manifold.projected_kuhn:ProjectedKuhn",
        "projected-bumps": "constructions.manifold.projected_bumps:ProjectedBumps",
        "f-robust": "constructions.features.families:FRobust",
        "frei": "constructions.features.families:Frei",
        "feature-averaged": "constructions.features.families:FeatureAveraged",
        "feature-decoupled": "constructions.features.families:FeatureDecoupled",
    }
)
"""Where each family is defined: module and class."""


def names() -> Iterator[str]:
    """The names of all families, in the order of the theory."""
    return iter(_PLACES)


def family(name: str) -> type[Family]:
    """The family called ``name``.

    Raises:
        InvalidInput: there is none of this name.
    """
    if name not in _PLACES:
        raise InvalidInput(f"There is no construction {name!r}. Use one of: {', '.join(_PLACES)}.")
    module, _, title = _PLACES[name].partition(":")
    return cast(type[Family], getattr(import_module(module), title))
