"""A table for programs: CSV with one column per column, JSON with both ends of every number."""

import csv as csv_module
import io
import json as json_module
from typing import Any

from bounds.numerals import Way, numeral
from bounds.render.cells import plain, plain_number
from bounds.table import Cell, Formula, Missing, Number, Table, Text


def csv(table: Table, digits: int) -> str:
    """Comma-separated values with a header line and Unix line ends; the caption is left out."""
    buffer = io.StringIO()
    writer = csv_module.writer(buffer, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([plain(cell, digits) for cell in row] for row in table.rows)
    return buffer.getvalue()


def json(table: Table, digits: int) -> str:
    """An object with caption, rows and assumptions; numbers are strings, for they may not fit a float."""
    rows = [dict(zip(table.header, (_cell(cell, digits) for cell in row), strict=True)) for row in table.rows]
    body = {"name": table.name, "caption": table.caption, "rows": rows, "assumptions": list(table.assumptions)}
    return json_module.dumps(body, indent=2) + "\n"


def _cell(cell: Cell, digits: int) -> Any:
    match cell:
        case Text(words):
            return words
        case Formula(entry):
            return {"entry": entry.id, "formula": entry.formula(), "latex": entry.latex(), "tag": entry.tag.value}
        case Number(entry, value):
            low, high = numeral(value.lower, digits, Way.DOWN), numeral(value.upper, digits, Way.UP)
            return {
                "entry": entry.id,
                "side": entry.side.value,
                "printed": plain_number(cell, digits),
                "at_least": str(low),
                "at_most": str(high),
                "tag": entry.tag.value,
            }
        case Missing(reason):
            return {"missing": reason}
