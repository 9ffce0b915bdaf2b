"""``python -m bounds eval``."""

import argparse
from collections.abc import Mapping
from typing import Any

from bounds.cli.letters import read_settings
from bounds.entry import Entry, Side
from bounds.errors import InvalidInput, UnknownLetter
from bounds.evaluate import reach
from bounds.numerals import Way, numeral, written
from bounds.theorems import catalogue
from bounds.values import Enclosed, Exact, OrderOnly

_RELATIONS = {Side.UPPER: "<=", Side.LOWER: ">=", Side.EXACT: "="}


def run(options: argparse.Namespace) -> None:
    """Prints the value of an entry, and for an order of growth that of its explicit form."""
    if not 1 <= options.digits <= 50:
        raise InvalidInput(f"--digits {options.digits} is not possible: give 1 to 50.")
    entry, given = catalogue[options.entry], read_settings(options.set)
    if foreign := sorted(str(letter) for letter in given if letter not in entry.letters):
        own = ", ".join(sorted(map(str, entry.letters))) or "none"
        raise UnknownLetter(f"{entry.id} does not contain {', '.join(foreign)}. Its letters: {own}.")
    _print(entry, given, options.digits)


def _print(entry: Entry, given: Mapping[Any, Any], digits: int) -> None:
    match entry.at(given):
        case OrderOnly(order):
            print(f"{entry.id}: {entry.quantity} = {order}, constants not stated [{entry.tag.value}]")
            if entry.explicit is not None:
                print("explicit form:")
                _print(entry.explicit, given, digits)
        case Exact() | Enclosed() as value:
            print(f"{entry.id}: {entry.quantity} {_number(entry, value, digits)} [{entry.tag.value}]")
    for letter in sorted(
        reach(entry.expression.free_symbols, entry.where, given) & set(entry.where) - set(given), key=str
    ):
        print(f"using {letter} = {entry.where[letter]}")
    for hypothesis in entry.assumed(given):
        print(f"assumed, not checked: {hypothesis.words}: {hypothesis.condition}")
    if entry.defect:
        print(f"known defect: {entry.defect}")


def _number(entry: Entry, value: Exact | Enclosed, digits: int) -> str:
    shown = written(value, entry.side, digits)
    dots = "..." if entry.side is Side.EXACT and shown.cut else ""
    text = f"{_RELATIONS[entry.side]} {shown}{dots}"
    if isinstance(value, Enclosed):
        low, high = numeral(value.lower, 12, Way.DOWN), numeral(value.upper, 12, Way.UP)
        return f"{text} (the formula is between {low} and {high})"
    exact = value.value
    return (
        text
        if exact.denominator == 1 or max(map(len, map(str, exact.as_integer_ratio()))) > 20
        else f"{text} ({exact})"
    )
