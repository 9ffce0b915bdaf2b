"""One small instance of every family, for tests of what all families promise."""

import dataclasses as dc
from collections.abc import Callable

import numpy as np

from certify.network import Affine, Network, ReLU
from constructions import catalogue, recipe
from constructions.theorem import Construction, Labelled


def scattered(classes: int = 2) -> Labelled:
    """Nine points of two or three classes in the plane, on the grid of sixteenths, in the unit square."""
    places = [(2, 3), (5, 12), (13, 13), (8, 7), (14, 4), (3, 8), (6, 3), (2, 13), (9, 14)]
    return Labelled.of(np.array(places) / 16, np.arange(9) % classes)


def clean() -> Network:
    """A small classifier with one output, wrong on some of the points."""
    weight = np.array([[1.0, -0.5], [-1.0, 0.75], [0.5, 0.5]])
    return Network.chain(
        [Affine(weight, np.array([0.25, 0.5, -0.5])), ReLU(3), Affine(np.array([[1.0, -1.0, 0.5]]), np.zeros(1))]
    )


@dc.dataclass(frozen=True, slots=True)
class Example:
    """Parameters as text, ingredients, and data, of one family."""

    parameters: dict[str, str] = dc.field(default_factory=dict)
    ingredients: Callable[[], dict[str, object]] = dict
    data: Callable[[], Labelled | None] = scattered


def _memorizer(**more: str) -> Example:
    return Example({"delta": "1/16", **more})


def _manifold(manifold: str, level: str, **more: str) -> Example:
    return Example({"manifold": manifold, "level": level, **more}, data=lambda: None)


EXAMPLES: dict[str, Example] = {
    "hinge-bumps": _memorizer(),
    "hinge-bumps-scan": _memorizer(stages="2"),
    "trapezoids": _memorizer(),
    "distance-bumps": _memorizer(),
    "voronoi": _memorizer(),
    "voronoi-scan": _memorizer(),
    "paraboloid": _memorizer(),
    "squares-per-sample": _memorizer(),
    "cgro": Example({"delta": "1/16"}, lambda: {"clean": clean()}),
    "hard-set-linear": Example({"d": "3", "eps": "1/8"}, data=lambda: None),
    "hard-set-solver": Example({"d": "3", "eps": "1/8"}, data=lambda: None),
    "kuhn": Example({"c": "1/4"}),
    "kuhn-tree": Example({"c": "1/4"}),
    "cover": Example({"c": "1/4"}),
    "manifold-cover": _manifold("torus:k=1,radius=1/4", "linear:0,1", eps="1/10"),
    "subspace-kuhn": _manifold("patch:k=2,side=1/2", "linear:1,0", eps="1/10", width="4"),
    "projected-kuhn": _manifold("patch:k=1,side=1/2", "linear:1", eps="1/10", width="3", projection="pca:1"),
    "projected-bumps": _manifold("torus:k=1,radius=1/4", "linear:0,1", eps="1/10", width="5"),
    "f-robust": Example({"k": "4", "d": "16"}, data=lambda: None),
    "frei": Example({"k": "4", "d": "16"}, data=lambda: None),
    "feature-averaged": Example({"k": "4", "d": "16"}, data=lambda: None),
    "feature-decoupled": Example({"k": "4", "d": "16"}, data=lambda: None),
}


def construction(name: str) -> Construction:
    """The example of the family called ``name``, built."""
    example = EXAMPLES[name]
    family = recipe.from_text(catalogue.family(name), example.parameters, **example.ingredients())
    return family.construct(example.data())
