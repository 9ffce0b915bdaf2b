"""A cell in plain characters, which the text, Markdown, CSV and HTML renderers share."""

from bounds.entry import Entry, Side
from bounds.numerals import Numeral, written
from bounds.table import Cell, Formula, Missing, Number, Text

RELATIONS = {Side.UPPER: "<=", Side.LOWER: ">=", Side.EXACT: "="}
"""How a bound on this side relates the quantity to its formula."""


def numeral_of(number: Number, digits: int) -> Numeral:
    """The digits of a cell's number, rounded in the direction of its side."""
    return written(number.value, number.entry.side, digits)


def plain_number(number: Number, digits: int) -> str:
    """The digits; an exact value that was cut ends in an ellipsis."""
    shown = numeral_of(number, digits)
    return f"{shown}..." if number.entry.side is Side.EXACT and shown.cut else str(shown)


def tag_mark(entry: Entry) -> str:
    """The initial of what an entry rests on."""
    return f"[{entry.tag.value[0]}]"


def plain(cell: Cell, digits: int) -> str:
    """The cell in ASCII."""
    match cell:
        case Text(words):
            return words
        case Formula(entry):
            return f"{entry.formula()} {tag_mark(entry)}"
        case Number(entry, _):
            return f"{RELATIONS[entry.side]} {plain_number(cell, digits)} {tag_mark(entry)}"
        case Missing(reason):
            return f"- ({reason})"
