"""A table as text, Markdown, LaTeX, CSV, JSON or HTML; numbers are rounded the same way in all of them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bounds.render.delimited import csv, json
from bounds.render.html import html
from bounds.render.latex import latex
from bounds.render.markdown import markdown, text
from bounds.table import Table

FORMATS: Mapping[str, Callable[[Table, int], str]] = MappingProxyType(
    {"text": text, "markdown": markdown, "latex": latex, "csv": csv, "json": json, "html": html}
)
"""The renderers by the name that ``--format`` uses; arguments: the table, and significant digits."""
