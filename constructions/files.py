"""Constructions in files: the network, its family's parameters, its data and its claims travel together."""

import collections
import dataclasses as dc
import json
import os
from fractions import Fraction
from typing import Any

from bounds.entry import Tag
from certify.errors import InvalidInput
from certify.io.models import load as load_model
from certify.io.writers import read_metadata
from certify.io.writers import save as save_network
from constructions import catalogue, recipe
from constructions.origin import Origin, describe, recover
from constructions.theorem import Claim, Construction, Evidence, Refuted

KEY = "relucert-construction"
_VERSION = 1


@dc.dataclass(frozen=True, slots=True)
class StoredClaim:
    """A claim as a file states it."""

    name: str
    statement: str
    value: str


def save(construction: Construction, path: str | os.PathLike[str], *, origin: Origin | None = None) -> None:
    """Writes the network with everything that ``load`` needs to prove its claims again.

    Points are named by ``origin``, or stored in the file when they are few.

    Raises:
        InvalidInput: what ``certify.io.writers.save`` refuses.
    """
    family = construction.family
    notes = {
        "version": _VERSION,
        "family": family.name,
        "parameters": recipe.as_text(family),
        "theorem": {
            "name": family.theorem.name,
            "statement": family.theorem.statement,
            "source": f"{family.theorem.source.key}, {family.theorem.source.place}",
            "tag": family.theorem.tag.value,
        },
        "claims": [
            {
                "name": claim.name,
                "statement": claim.statement,
                "value": str(claim.value),
                "tag": claim.tag.value,
                "entry": claim.entry,
            }
            for claim in construction.claims
        ],
        "data": None if construction.data is None else describe(construction.data, origin),
    }
    save_network(construction.network, path, metadata={KEY: json.dumps(notes)})


def load(path: str | os.PathLike[str], *, origin: Origin | None = None) -> Construction:
    """The construction that ``save`` wrote, with claims about the network that the file now holds.

    A claim whose number or words differ from what the file states is refuted, whatever its proof says. ``origin`` is
    where its data lies now, when that is not where it was; other data is refused.

    Raises:
        InvalidInput: a file that is no construction of ours, or whose data cannot be found or has changed.
    """
    notes = _notes(path)
    kind = catalogue.family(_text(notes, "family", path))
    parameters = notes.get("parameters")
    if not isinstance(parameters, dict):
        raise InvalidInput(f"{path} says nothing about its parameters; it was damaged or not written by us.")
    family = recipe.from_text(kind, {str(name): str(value) for name, value in parameters.items()})
    network = load_model(path).network
    data = recover(notes.get("data"), path, origin)
    if data is None and kind.needs_data:
        raise InvalidInput(f"{path} says nothing about its data; it was damaged or not written by us.")
    stored = {claim.name: claim for claim in _stored(notes, path)}
    claims = tuple(_held_to(claim, stored.pop(claim.name, None)) for claim in family.claims(network, data))
    return Construction(network, claims + tuple(_orphan(claim) for claim in stored.values()), family, data)


def theorem_of(path: str | os.PathLike[str]) -> dict[str, str]:
    """Name, statement, source and tag of the theorem that the file in ``path`` states."""
    found = _notes(path).get("theorem")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _notes(path: str | os.PathLike[str]) -> dict[str, Any]:
    text = read_metadata(path).get(KEY)
    if text is None:
        raise InvalidInput(
            f"{path} carries no claims: it was not built by `python -m constructions build`. "
            f"To find radii of any model use `python -m certify {path} --data SPEC`."
        )
    try:
        notes = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path}: its claims are damaged ({error}). Build it again.") from error
    if not isinstance(notes, dict) or notes.get("version") != _VERSION:
        raise InvalidInput(f"{path}: its claims are of an unknown version; this program reads version {_VERSION}.")
    return notes


def _text(notes: dict[str, Any], key: str, path: str | os.PathLike[str]) -> str:
    value = notes.get(key)
    if not isinstance(value, str):
        raise InvalidInput(f"{path}: its claims lack {key!r}. Build it again.")
    return value


def _stored(notes: dict[str, Any], path: str | os.PathLike[str]) -> list[StoredClaim]:
    try:
        found = [StoredClaim(str(c["name"]), str(c["statement"]), str(c["value"])) for c in notes["claims"]]
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"{path}: its claims are damaged. Build it again.") from error
    names = collections.Counter(claim.name for claim in found)
    if twice := [name for name, count in names.items() if count > 1]:
        raise InvalidInput(f"{path} states {twice[0]!r} more than once, and only one can be meant. Build it again.")
    return found


def _held_to(claim: Claim, stored: StoredClaim | None) -> Claim:
    """The claim, refuted from the start when the file states another."""
    if stored == StoredClaim(claim.name, claim.statement, str(claim.value)):
        return claim
    said = "says nothing of it" if stored is None else f"states: {stored.statement} (value {stored.value})"

    def proof() -> Evidence:
        return Refuted("compared with the file", f"the file {said}; its parameters give: {claim.statement}")

    return dc.replace(claim, proof=proof)


def _orphan(stored: StoredClaim) -> Claim:
    """A claim that the file states and the family does not know."""

    def proof() -> Evidence:
        return Refuted("compared with the family", "no construction of this family claims that")

    return Claim(stored.name, stored.statement, Fraction(0), Tag.UNVERIFIED, "", proof)
