"""A table in Markdown, and aligned for a terminal."""

from bounds.render.cells import plain
from bounds.table import Table


def markdown(table: Table, digits: int) -> str:
    """A pipe table under its caption; bars inside cells are escaped."""
    lines = [f"**{table.caption}**", "", _row(table.header), _row(["---"] * len(table.header))]
    lines += [_row([plain(cell, digits) for cell in row]) for row in table.rows]
    lines += ["", *(f"Assumed, not checked: {assumption}." for assumption in table.assumptions)]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|").replace("*", r"\*") for cell in cells) + " |"


def text(table: Table, digits: int) -> str:
    """One block per row, a line per column: long formulas stay readable on any terminal."""
    width = max(map(len, table.header))
    blocks = [table.caption]
    for row in table.rows:
        pairs = zip(table.header, (plain(cell, digits) for cell in row), strict=True)
        blocks.append("\n".join(f"{name.ljust(width)}  {cell}" for name, cell in pairs if cell))
    blocks += [f"Assumed, not checked: {assumption}." for assumption in table.assumptions]
    return "\n\n".join(blocks) + "\n"
