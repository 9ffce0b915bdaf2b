"""Tables of benchmarks: the same rows as CSV for programs and as Markdown for people."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from certify.errors import InvalidInput


def folder(out: Path) -> None:
    """Makes the folder for results, before anything is measured.

    Raises:
        InvalidInput: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"Cannot write to {out}: {error.strerror}. Choose another folder with -o.") from error


def write(out: Path, stem: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Writes ``out/stem.csv`` and ``out/stem.md``; returns the Markdown.

    Raises:
        InvalidInput: the files cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    page = markdown(header, rows)
    folder(out)
    try:
        (out / f"{stem}.csv").write_text(text.getvalue(), encoding="utf-8")
        (out / f"{stem}.md").write_text(page, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"Cannot write {out / stem}: {error.strerror}. Choose another folder with -o.") from error
    return page


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table whose columns line up."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
