"""A construction or a theorem as the common part of several entries, so that each file of the catalogue states things
once.
"""

import dataclasses as dc
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sympy as sp

from bounds.entry import Entry, Scope, Side, Source, Tag, Topic
from bounds.evaluate import Hypothesis


@dc.dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the entries of one construction share; ``proof`` is the anchor in ``docs/bounds-proofs.md``."""

    id: str
    topic: Topic
    statement: str
    source: Source
    tag: Tag = Tag.DERIVED
    norm: str = "any"
    scope: Scope = Scope.THIS_DATA
    proof: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    where: Mapping[Any, Any] = dc.field(default_factory=dict)

    def says(self, name: str, quantity: str, expression: Any, side: Side = Side.EXACT, **changes: Any) -> Entry:
        """The entry ``<family>.<name>``; ``changes`` replace fields, and ``more`` is appended to the statement."""
        more = changes.pop("more", "")
        fields: dict[str, Any] = {
            "id": f"{self.id}.{name}",
            "topic": self.topic,
            "quantity": quantity,
            "statement": f"{self.statement} {more}".strip(),
            "expression": sp.sympify(expression),
            "side": side,
            "tag": self.tag,
            "source": self.source,
            "norm": self.norm,
            "scope": self.scope,
            "proof": self.proof,
            "hypotheses": self.hypotheses,
            "where": MappingProxyType(dict(self.where)),
        }
        return Entry(**(fields | changes))


def needs(condition: Any, words: str) -> Hypothesis:
    """A hypothesis; sympy may already know it to be true from the letters' domains."""
    return Hypothesis(sp.sympify(condition), words)
