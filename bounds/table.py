"""Tables of entries at given values: the first table of the expressive-power paper, and one row per entry for the
rest.
"""

import dataclasses as dc
from collections.abc import Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from bounds.entry import Entry, Side, Topic
from bounds.errors import BoundsError, InvalidInput
from bounds.symbols import letters, symbols
from bounds.theorems import catalogue
from bounds.values import Enclosed, Exact, OrderOnly, is_less

Letters = Mapping[Any, Any]
"""Values by symbol, as ``bounds.evaluate.read_letter`` gives them."""


@dc.dataclass(frozen=True, slots=True)
class Text:
    """A cell of words."""

    text: str


@dc.dataclass(frozen=True, slots=True)
class Formula:
    """A cell that shows an entry's formula, an order inside its O or Omega."""

    entry: Entry


@dc.dataclass(frozen=True, slots=True)
class Number:
    """A cell that shows an entry's value, rounded in the direction of its side."""

    entry: Entry
    value: Exact | Enclosed


@dc.dataclass(frozen=True, slots=True)
class Missing:
    """A cell without a value, and why; never mistaken for zero."""

    reason: str


Cell = Text | Formula | Number | Missing


@dc.dataclass(frozen=True, slots=True)
class Table:
    """A caption, a header and rows of cells; ``assumptions`` are hypotheses that the given letters do not decide."""

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    assumptions: tuple[str, ...] = ()


@dc.dataclass(frozen=True, slots=True)
class _Setting:
    """A row of the paper's first table: its printed orders, and explicit forms by norm."""

    name: str
    upper_order: str
    lower_order: str
    uppers: Mapping[str, tuple[str, ...]]
    lowers: Mapping[str, tuple[str, ...]]


_LOWER_TRAINING = ("robust-training.any-norm.lower", "robust-training.inputs.lower")
_UPPER_CUBE = {
    "inf": ("robust-classifier.cover.whole-cube.inf.nnz",),
    "2": ("robust-classifier.cover.whole-cube.l2.nnz",),
}
_GRID = "expressive-power.thm-3.4.explicit.lower"
_EITHER = ("inf", "2")
_SETTINGS = (
    _Setting(
        "robust training",
        "expressive-power.thm-2.2.upper",
        "expressive-power.thm-2.3.lower",
        {"inf": ("robust-training.inf.upper",), "2": ("robust-training.l2.upper",)},
        {"inf": ("robust-training.inf.lower", *_LOWER_TRAINING), "2": ("robust-training.l2.lower", *_LOWER_TRAINING)},
    ),
    _Setting(
        "robust generalisation",
        "expressive-power.thm-3.3.upper",
        "expressive-power.thm-3.4.lower",
        _UPPER_CUBE,
        {"inf": (_GRID,), "2": (_GRID, "expressive-power.thm-3.4.packing-l2.lower")},
    ),
    _Setting(
        "the same, linearly separable",
        "expressive-power.thm-3.3.upper",
        "expressive-power.thm-4.3.lower",
        _UPPER_CUBE,
        dict.fromkeys(_EITHER, ("hard-set.lower",)),
    ),
    _Setting(
        "the same, on a k-manifold",
        "expressive-power.thm-5.5.upper",
        "expressive-power.thm-5.8.lower",
        {"inf": ("manifold.cover.nnz",), "2": ()},
        dict.fromkeys(_EITHER, ("manifold.packing.torus.lower", "manifold.packing.lower")),
    ),
)

_ROWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "memorizers": ("robust-memorizer.",),
        "robust-training": ("robust-training.", "expressive-power.thm-2"),
        "robust-classifiers": ("robust-classifier.", "expressive-power.thm-3"),
        "hard-set": ("hard-set.", "expressive-power.thm-4"),
        "manifolds": ("manifold.", "expressive-power.thm-5", "expressive-power.lemma-5"),
    }
)
NAMES = (Topic.EXPRESSIVE_POWER.value, *_ROWS, *(topic.value for topic in Topic if topic is not Topic.EXPRESSIVE_POWER))
"""The tables there are."""


def build(name: str, given: Letters, norm: str = "inf") -> Table:
    """The table of this name at the given letters; without letters its formulas. Raises InvalidInput for an unknown
    name.
    """
    if name not in NAMES:
        raise InvalidInput(f"No table is called {name!r}. Tables: {', '.join(NAMES)}.")
    if norm not in _EITHER:
        raise InvalidInput(f"The norm of a table is inf or 2, and this is {norm!r}.")
    if name == Topic.EXPRESSIVE_POWER.value:
        return _first_table(with_defaults(given), norm)
    if name in _ROWS:
        return rows_table(name, [e for e in catalogue.values() if e.id.startswith(_ROWS[name])], given)
    return rows_table(name, [e for e in catalogue.values() if e.topic.value == name], given)


def rows_table(name: str, entries: Iterable[Entry], given: Letters) -> Table:
    """One row per entry: name, quantity, formula, value when letters are given, tag and source."""
    chosen = tuple(entries)
    head = ("entry", "quantity", "formula", *(("value",) if given else ()), "rests on", "source")
    rows = []
    for entry in chosen:
        value = (best((entry,), given),) if given else ()
        source = Text(f"{entry.source.key}, {entry.source.place}")
        rows.append((Text(entry.id), Text(entry.quantity), Formula(entry), *value, Text(entry.tag.value), source))
    shown = [entry for entry, row in zip(chosen, rows, strict=True) if any(isinstance(cell, Number) for cell in row)]
    return Table(name, f"{name}: {_caption(given)}", head, tuple(rows), _assumptions(shown, given))


def best(candidates: Iterable[Entry], given: Letters) -> Cell:
    """The largest of several lower bounds or the smallest of several upper ones; Missing when none applies."""
    found: list[Number] = []
    reasons: list[str] = []
    for entry in candidates:
        try:
            value = entry.at(given)
        except BoundsError as problem:
            reasons.append(str(problem))
            continue
        if isinstance(value, OrderOnly):
            reasons.append("an order of growth has no value")
        else:
            found.append(Number(entry, value))
    if not found:
        return Missing(reasons[0])
    answer = found[0]
    for other in found[1:]:
        if _is_stronger(other, answer):
            answer = other
    return answer


def _is_stronger(one: Number, other: Number) -> bool:
    if one.entry.side is Side.LOWER:
        return is_less(other.value.lower, one.value.lower)
    return is_less(one.value.upper, other.value.upper)


def with_defaults(given: Letters) -> Letters:
    """The letters with c = delta/eps and the paper's alpha = 1/10 added, unless they are given; no letters stay
    none.
    """
    eps, delta, c, alpha = symbols("eps delta c alpha")
    if not given:
        return given
    known = {alpha: Fraction(1, 10), **given}
    if c not in known and eps in known and delta in known and delta and 0 < known[delta] < known[eps]:
        known[c] = known[delta] / known[eps]
    return known


def _first_table(given: Letters, norm: str) -> Table:
    head = ("setting", "upper, as printed", "lower, as printed", "upper, explicit", "lower, explicit")
    rows: list[tuple[Cell, ...]] = []
    shown: list[Entry] = []
    for setting in _SETTINGS:
        printed = (Formula(catalogue[setting.upper_order]), Formula(catalogue[setting.lower_order]))
        choices = ([catalogue[name] for name in names[norm]] for names in (setting.uppers, setting.lowers))
        explicit = tuple(_explicit(choice, given) for choice in choices)
        shown += [cell.entry for cell in explicit if isinstance(cell, Number)]
        rows.append((Text(setting.name), *printed, *explicit))
    clean = catalogue["hard-set.clean.nnz"]
    two = best((clean,), given) if given else Formula(clean)
    rows.append((Text("standard error only, on the hard set"), Text(""), Text(""), two, Text("")))
    caption = f"Non-zero parameters of ReLU networks, {'linf' if norm == 'inf' else 'l2'} norm: {_caption(given)}"
    return Table(Topic.EXPRESSIVE_POWER.value, caption, head, tuple(rows), _assumptions(shown, given))


def _explicit(choice: list[Entry], given: Letters) -> Cell:
    if not choice:
        return Missing("no explicit form in this norm")
    return best(choice, given) if given else Formula(choice[0])


def _caption(given: Letters) -> str:
    values = ", ".join(f"{letter}={given[letter]}" for letter in sorted(given, key=lambda s: _position(s.name)))
    at = f"at {values}; lower bounds rounded down, upper bounds up" if given else "formulas"
    return f"{at}. Tags: [p] read in the paper, [d] derived with proof, [u] unverified."


def _position(name: str) -> int:
    return list(letters).index(name)


def _assumptions(entries: Iterable[Entry], given: Letters) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{entry.id}: {h.words}" for entry in entries for h in entry.assumed(given)))
