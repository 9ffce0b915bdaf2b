"""The theorems as symbols: every quantitative statement as sympy data, evaluated exactly or enclosed, compared, and
printed.

``bounds.catalogue["hinge-bumps.nnz"].evaluate(N=1000, d=20)``. Names load lazily, so that ``python -m bounds --help``
needs no sympy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bounds.entry import Entry, Side, Tag
    from bounds.errors import BoundsError
    from bounds.theorems import catalogue
    from bounds.values import Enclosed, Exact, OrderOnly

__all__ = ["BoundsError", "Enclosed", "Entry", "Exact", "OrderOnly", "Side", "Tag", "catalogue"]

_HOMES = {
    "BoundsError": "bounds.errors",
    "Enclosed": "bounds.values",
    "Entry": "bounds.entry",
    "Exact": "bounds.values",
    "OrderOnly": "bounds.values",
    "Side": "bounds.entry",
    "Tag": "bounds.entry",
    "catalogue": "bounds.theorems",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bounds' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
