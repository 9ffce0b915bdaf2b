"""The audit: one architecture and the letters of one data set against the theorems, and what each of them can say about
both.

Everything here is arithmetic on counts. A lower bound speaks of the worst data set with these letters, never of the one
at hand.
"""

import dataclasses as dc
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from bounds import growth
from bounds.architecture import Architecture
from bounds.entry import Entry
from bounds.errors import BoundsError, InvalidInput
from bounds.interval import Interval
from bounds.numerals import Way, numeral
from bounds.symbols import symbols
from bounds.table import Cell, Missing, Number, Table, Text, best, with_defaults
from bounds.theorems import catalogue
from bounds.values import Enclosed, Exact, OrderOnly, Value, is_less, raw

_PRECISION = 256
_UPPERS = {
    "inf": ("robust-memorizer.hinge-bumps.nnz", "robust-classifier.cover.whole-cube.inf.nnz"),
    "2": ("robust-memorizer.paraboloid.nnz", "robust-training.l2.upper", "robust-classifier.cover.whole-cube.l2.nnz"),
}
_LOWERS = {
    "inf": (
        "robust-training.inf.lower",
        "robust-training.any-norm.lower",
        "expressive-power.thm-3.4.explicit.lower",
        "hard-set.lower",
    ),
    "2": (
        "robust-training.l2.lower",
        "robust-training.any-norm.lower",
        "expressive-power.thm-3.4.explicit.lower",
        "hard-set.lower",
    ),
}
_HEAD = ("theorem", "parameters", "this model", "what it says here")
_NOTHING = "Says nothing here."
_WORST = "A worst case: says nothing of this data set."


@dc.dataclass(frozen=True, slots=True)
class ModelCounts:
    """What ``certify inspect`` counts: non-zero and all parameters, ReLUs, affine maps, and widths of a plain chain."""

    inputs: int
    nnz: int
    dense: int
    units: int
    depth: int
    widths: tuple[int, ...] = ()


def audit(model: ModelCounts, given: Mapping[Any, Any], norm: str, *, data: str = "") -> Table:
    """A table of the theorems that apply to a model at the letters of a data set; see ``docs/bounds.md`` for each
    row. ``data`` names the set in the caption.

    Raises:
        InvalidInput: the data's dimension is not the number of the model's inputs.
    """
    dimension = given.get(symbols("d")[0], Fraction(model.inputs))
    if dimension != model.inputs:
        raise InvalidInput(
            f"The model reads {model.inputs} numbers, the data has {dimension} a point. Audit them apart."
        )
    letters = with_defaults({symbols("d")[0]: Fraction(model.inputs), **given})
    rows = [_upper_row(catalogue[name], model, letters) for name in _UPPERS[norm]]
    rows += [_lower_row(catalogue[name], model, letters) for name in _LOWERS[norm]]
    rows.append(_architecture_row(model, letters))
    caption = (
        f"Audit of a network with {model.inputs} inputs, {model.nnz} non-zero of {model.dense} parameters, "
        f"{model.units} ReLUs "
        f"and {model.depth} affine maps; {'linf' if norm == 'inf' else 'l2'} norm. {_about(letters, data)}Lower bounds "
        f"rounded down, upper bounds up."
    )
    return Table("audit", caption, _HEAD, tuple(rows))


def _about(letters: Mapping[Any, Any], data: str) -> str:
    """The data's letters, for a caption."""
    known = [f"{name}={letters[symbol]}" for name in ("N", "eps") if (symbol := symbols(name)[0]) in letters]
    return f"Data{' ' + data if data else ''}: {', '.join(known)}. " if known else ""


def _upper_row(entry: Entry, model: ModelCounts, letters: Mapping[Any, Any]) -> tuple[Cell, ...]:
    cell = best((entry,), letters)
    match cell:
        case Number(_, value):
            enough = numeral(value.upper, 4, Way.UP)
            fits = isinstance(value, Exact) and model.nnz >= value.value
            verdict = (
                "It has as many, which does not make it robust."
                if fits
                else "It has fewer: other weights or another shape could do."
            )
            words = f"Some network with at most {enough} is robust on any data with these letters. {verdict}"
        case _:
            words = _why(cell)
    return Text(entry.id), _amount(cell), Text(str(model.nnz)), Text(words)


def _lower_row(entry: Entry, model: ModelCounts, letters: Mapping[Any, Any]) -> tuple[Cell, ...]:
    cell = best((entry,), letters)
    match cell:
        case Number(_, value):
            short = is_less(Fraction(model.nnz), value.lower)
            verdict = (
                "Fewer: some data set with these letters defeats every network of this size."
                if short
                else "Enough: this bound excludes nothing."
            )
            words = f"{verdict} {_WORST}"
        case _:
            words = _why(cell)
    return Text(entry.id), _amount(cell), Text(str(model.nnz)), Text(words)


def _architecture_row(model: ModelCounts, letters: Mapping[Any, Any]) -> tuple[Cell, ...]:
    """Whether any weights of this architecture could be robust on every labelling of the hard set."""
    name = Text("hard-set.capacity, this architecture")
    try:
        demanded, points = (catalogue[entry].at(letters) for entry in ("hard-set.capacity", "hard-set.points"))
    except BoundsError as problem:
        return name, Missing(str(problem)), Text(""), Text(_NOTHING)
    need, has = _interval(demanded), capacity(model, _interval(points))
    bits = numeral(Enclosed.of(has).upper, 4, Way.UP)
    excluded = (has - need).sign() == -1
    words = "No weights make it robust on every labelling of the hard set." if excluded else "Excludes nothing."
    needed = numeral(Enclosed.of(need).lower, 4, Way.DOWN)
    return name, Text(f">= {needed} bits"), Text(f"<= {bits} bits"), Text(f"{words} {_WORST}")


def capacity(model: ModelCounts, points: Interval) -> Interval:
    """A bound on log2 of the labellings of so many points by one output, or one difference of outputs, of the
    architecture.
    """
    bounds = [points]
    weights = Interval.of(model.dense, _PRECISION)
    if (points * Interval.of(2, _PRECISION).power(model.units + 1) - weights).sign() == 1:
        bounds.append(growth.state_growth(model.dense, model.units, points, _PRECISION))
    if model.widths:
        chain = Architecture((*model.widths[:-1], 1))
        if (points - Interval.of(sum(chain.cumulative_parameters), _PRECISION)).sign() == 1:
            bounds.append(growth.bhlm_growth(chain, points, _PRECISION))
    smallest = bounds[0]
    for bound in bounds[1:]:
        smallest = bound if (smallest - bound).sign() == 1 else smallest
    return smallest


def _interval(value: Value) -> Interval:
    assert not isinstance(value, OrderOnly), "an order of growth has no value"
    return Interval(raw(value.lower, _PRECISION)[0], raw(value.upper, _PRECISION)[1], _PRECISION)


def _amount(cell: Cell) -> Cell:
    return cell if isinstance(cell, Number) else Missing("not applicable")


def _why(cell: Cell) -> str:
    return f"{_NOTHING} {cell.reason}" if isinstance(cell, Missing) else _NOTHING
