"""A table as a piece of HTML that opens from a file: no scripts, no fonts, no network."""

from html import escape

from bounds.render.cells import plain
from bounds.table import Cell, Formula, Number, Table


def html(table: Table, digits: int) -> str:
    """A ``table`` element; formulas are set in ``code``."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    body = "\n".join(f"<tr>{''.join(_cell(cell, digits) for cell in row)}</tr>" for row in table.rows)
    notes = "".join(f"\n<p>Assumed, not checked: {escape(assumption)}.</p>" for assumption in table.assumptions)
    caption = f"<caption>{escape(table.caption)}</caption>"
    return f"<table>\n{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>{notes}\n"


def _cell(cell: Cell, digits: int) -> str:
    shown = escape(plain(cell, digits))
    match cell:
        case Formula():
            return f"<td><code>{shown}</code></td>"
        case Number(entry, _):
            return f'<td title="{escape(entry.id)}">{shown}</td>'
        case _:
            return f"<td>{shown}</td>"
