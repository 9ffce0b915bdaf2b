"""A family's parameters as plain text, for a saved file and for the command line, and back."""

import dataclasses as dc
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.dyadic import rational
from constructions.theorem import Family


def options(family: type[Family]) -> tuple[dc.Field[Any], ...]:
    """The stored parameters of a family: dataclass fields with ``help`` in their metadata."""
    return tuple(field for field in dc.fields(family) if field.metadata.get("stored", False))  # type: ignore


def ingredients(family: type[Family]) -> tuple[dc.Field[Any], ...]:
    """The parameters that a file does not store: networks to build on."""
    return tuple(field for field in dc.fields(family) if not field.metadata.get("stored", True))  # type: ignore


def as_text(family: Family) -> dict[str, str]:
    """The stored parameters of one instance, by name."""
    return {field.name: _write(getattr(family, field.name)) for field in options(type(family))}


def from_text(family: type[Family], values: Mapping[str, str], **ingredients: Any) -> Family:
    """The instance with these parameters; what is missing takes its default. ``ingredients`` are not stored ones.

    Raises:
        InvalidInput: an unknown or missing parameter, or text that is not of the parameter's type.
    """
    fields = {field.name: field for field in options(family)}
    if unknown := sorted(set(values) - set(fields)):
        known = ", ".join(fields) or "none"
        raise InvalidInput(f"{family.name} has no parameter {unknown[0]!r}. Its parameters: {known}.")
    missing = [
        name
        for name, field in fields.items()
        if name not in values and field.default is dc.MISSING and field.default_factory is dc.MISSING
    ]
    if missing:
        raise InvalidInput(
            f"{family.name} needs --{missing[0].replace('_', '-')}: {fields[missing[0]].metadata['help']}."
        )
    return family(**{name: _read(fields[name], text) for name, text in values.items()}, **ingredients)


def _write(value: Any) -> str:
    return value.short if isinstance(value, Norm) else str(value)


def _read(field: dc.Field[Any], text: str) -> Any:
    if field.type is Fraction:
        return rational(text, f"--{field.name}")
    if field.type is Norm:
        return Norm.parse(text)
    if field.type is int:
        try:
            return int(text)
        except ValueError as error:
            raise InvalidInput(f"--{field.name.replace('_', '-')} must be a whole number, got {text!r}.") from error
    if field.type is bool:
        if text not in ("True", "False", "yes", "no"):
            raise InvalidInput(f"--{field.name.replace('_', '-')} is yes or no, got {text!r}.")
        return text in ("True", "yes")
    return text
