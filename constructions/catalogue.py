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
