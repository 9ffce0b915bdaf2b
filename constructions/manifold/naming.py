"""Manifolds and level functions as plain text, for a saved file and for the command line."""

import dataclasses as dc
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.dyadic import rational
from constructions.manifold.chart import Manifold
from constructions.manifold.embedded import Embedded
from constructions.manifold.levels import Level, Linear, TorusPolynomial, Waves
from constructions.manifold.patch import AffinePatch
from constructions.manifold.revolution import TorusOfRevolution
from constructions.manifold.sphere import Sphere
from constructions.manifold.swiss_roll import SwissRoll
from constructions.manifold.torus import FlatTorus

KINDS: Mapping[str, type[Manifold]] = MappingProxyType(
    {kind.kind: kind for kind in (FlatTorus, Sphere, AffinePatch, SwissRoll, TorusOfRevolution)}
)
"""Every manifold by name."""


def manifold_named(text: str) -> Manifold:
    """The manifold of a text such as ``torus:k=2,radius=1/2``; what is left out takes its default.

    Raises:
        InvalidInput: an unknown kind, an unknown or missing number, or text that is none.
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise InvalidInput(f"There is no manifold {kind!r}. Use one of: {', '.join(KINDS)}.")
    fields = {field.name: field for field in dc.fields(KINDS[kind])}  # type: ignore[arg-type]
    given = {part.partition("=")[0]: part.partition("=")[2] for part in rest.split(",") if part}
    needed = {name for name, field in fields.items() if field.default is dc.MISSING}
    if set(given) - set(fields) or needed - set(given):
        raise InvalidInput(f"A {kind} takes {', '.join(fields)}, as in {_example(kind)}; got {text!r}.")
    values = {name: rational(number, name) for name, number in given.items()}
    whole = {name: _whole(value, name) if fields[name].type is int else value for name, value in values.items()}
    return KINDS[kind](**whole)


def embedded_named(text: str, width: int, seed: int) -> Embedded:
    """A manifold in its own coordinates (``width = 0``), or turned at random in ``width`` dimensions."""
    manifold = manifold_named(text)
    return Embedded.rotated(manifold, width, seed) if width else Embedded.plain(manifold)


def level_named(text: str, embedded: Embedded, norm: Norm) -> Level:
    """The level function of a text, 1-Lipschitz in ``norm`` on ``embedded``.

    ``linear:0,1/2,0,1/2`` reads the manifold's own coordinates with these weights (scaled to dual norm 1),
    ``waves:COUNT:SEED`` is a random sum of waves in space, ``angles:COUNT:SEED`` a random trigonometric polynomial in
    the angles of a flat torus.

    Raises:
        InvalidInput: any other text, or one that does not fit the manifold.
    """
    kind, _, rest = text.partition(":")
    if kind == "linear":
        weights = [float(rational(part, "a weight of the level function")) for part in rest.split(",")]
        return Linear.along(embedded, np.array(weights), norm)
    if kind in ("waves", "angles"):
        count, _, seed = rest.partition(":")
        numbers = (_whole(rational(count, "COUNT"), "COUNT"), _whole(rational(seed or "0", "SEED"), "SEED"))
        if numbers[0] < 1 or numbers[1] < 0:
            raise InvalidInput(f"{text!r} needs a count of at least 1 and a seed of at least 0.")
        if kind == "waves":
            return Waves.random(embedded.width, numbers[0], norm, numbers[1])
        return TorusPolynomial.random(embedded, numbers[0], norm, numbers[1])
    raise InvalidInput(
        f"There is no level function {text!r}. Use linear:W,W,..., waves:COUNT:SEED or angles:COUNT:SEED."
    )


def _whole(value: Fraction, name: str) -> int:
    if value.denominator != 1:
        raise InvalidInput(f"{name} must be a whole number, got {value}.")
    return int(value)


def _example(kind: str) -> str:
    examples = {
        "torus": "torus:k=2,radius=1/2",
        "sphere": "sphere:k=2,radius=1/2",
        "patch": "patch:k=2,side=1",
        "swiss-roll": "swiss-roll:pitch=1/30",
        "revolution": "revolution:large=3/10,small=1/10",
    }
    return examples[kind]
