"""One quantitative statement: what it says, its formula, when it holds, which side it bounds, and what it rests on."""

import dataclasses as dc
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sympy as sp

from bounds.enclose import Given
from bounds.errors import UnknownLetter
from bounds.evaluate import Hypothesis, Where, check, enclosed, reach, read_letter
from bounds.symbols import latex_names
from bounds.values import OrderOnly, Value


class Side(enum.Enum):
    """Which side of the quantity the formula is on; upper bounds are rounded up, lower bounds down."""

    UPPER = "upper"
    LOWER = "lower"
    EXACT = "exact"


class Tag(enum.Enum):
    """What the statement rests on."""

    PAPER = "paper"
    """Read in the cited paper's own text."""
    DERIVED = "derived"
    """Proved on the page that ``Entry.proof`` names."""
    UNVERIFIED = "unverified"
    """Quoted from memory or from a secondary source, or a heuristic: treat its constants as unchecked."""


class Topic(enum.Enum):
    """The part of the catalogue an entry belongs to, as ``list --paper`` says it."""

    EXPRESSIVE_POWER = "expressive-power"
    FEATURE_AVERAGING = "feature-averaging"
    VC = "vc"
    VERIFICATION = "verification"


class Scope(enum.Enum):
    """What an entry's number speaks about."""

    THIS_DATA = "any data with these letters"
    WORST_CASE = "the worst case over data sets with these letters"
    CLASS = "a class of networks"


@dc.dataclass(frozen=True, slots=True)
class Source:
    """Where a statement comes from: a key of ``docs/references.bib`` and the place there."""

    key: str
    place: str


@dc.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A statement of the catalogue.

    ``where`` gives letters a default in terms of other letters, such as the smaller class being half of the samples.
    ``asymptotic`` says that the formula is an order of growth whose constants nobody printed: it never becomes a
    number, and ``explicit`` is the entry that does, where there is one. ``quantity`` is the left-hand side in words,
    ``norm`` the one the letters are measured in.
    """

    id: str
    topic: Topic
    quantity: str
    statement: str
    expression: sp.Expr
    side: Side
    tag: Tag
    source: Source
    scope: Scope = Scope.THIS_DATA
    norm: str = "any"
    hypotheses: tuple[Hypothesis, ...] = ()
    where: Where = dc.field(default_factory=lambda: MappingProxyType({}))
    asymptotic: bool = False
    explicit: "Entry | None" = None
    defect: str = ""
    proof: str = ""

    @property
    def holds_if(self) -> sp.Basic:
        """All hypotheses as one sympy condition."""
        conditions: list[Any] = [hypothesis.condition for hypothesis in self.hypotheses]
        return sp.And(*conditions)

    @property
    def letters(self) -> frozenset[sp.Basic]:
        """The letters of the formula, of its hypotheses and of their defaults; for an order also those of the explicit
        form.
        """
        start = set(self.expression.free_symbols)
        start.update(*(hypothesis.condition.free_symbols for hypothesis in self.hypotheses))
        own = reach(start, self.where)
        return own if self.explicit is None else own | self.explicit.letters

    def latex(self) -> str:
        """The formula in LaTeX, an order of growth inside its O or Omega."""
        return formula_latex(self.expression, self.side if self.asymptotic else None)

    def formula(self) -> str:
        """The formula for a terminal."""
        return f"{_ORDERS[self.side]}({self.expression})" if self.asymptotic else str(self.expression)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def evaluate(self, **values: object) -> Value:
        """The number, exact or enclosed, at values given by letter: ``entry.evaluate(N=1000, d=20, eps="1/8")``.

        Raises a child of BoundsError for an unknown, missing or impossible letter and outside the hypotheses. A
        hypothesis on letters that the formula does not need is checked only when they are given: see ``assumed``. An
        asymptotic entry answers with its order.
        """
        given = dict(read_letter(name, value) for name, value in values.items())
        if foreign := sorted(str(letter) for letter in given if letter not in self.letters):
            own = ", ".join(sorted(str(letter) for letter in self.letters)) or "none"
            raise UnknownLetter(f"{self.id} does not contain {', '.join(foreign)}. Its letters: {own}.")
        return self.at(given)

    def at(self, given: Mapping[Any, Given]) -> Value:
        """The value at letters that are read already; letters that the entry does not contain are ignored."""
        check((hypothesis for hypothesis in self.hypotheses if self._is_decided(hypothesis, given)), self.where, given)
        return OrderOnly(self.formula()) if self.asymptotic else enclosed(self.expression, self.where, given)

    def assumed(self, given: Mapping[Any, Given]) -> tuple[Hypothesis, ...]:
        """The hypotheses that cannot be checked because a letter that the formula does not need has no value."""
        return tuple(hypothesis for hypothesis in self.hypotheses if not self._is_decided(hypothesis, given))

    def _is_decided(self, hypothesis: Hypothesis, given: Mapping[Any, Given]) -> bool:
        met = reach(hypothesis.condition.free_symbols, self.where, given)
        return met <= set(given) | set(self.where)


_ORDERS: Mapping[Side, str] = MappingProxyType({Side.UPPER: "O", Side.LOWER: "Omega", Side.EXACT: "Theta"})
_LATEX_ORDERS: Mapping[Side, str] = MappingProxyType({Side.UPPER: "O", Side.LOWER: r"\Omega", Side.EXACT: r"\Theta"})


def formula_latex(expression: sp.Basic, order: Side | None = None) -> str:
    """An expression in LaTeX with the catalogue's letters; inside O, Omega or Theta when ``order`` is given."""
    body = sp.latex(expression, symbol_names=dict(latex_names))
    return body if order is None else rf"{_LATEX_ORDERS[order]}\left({body}\right)"
