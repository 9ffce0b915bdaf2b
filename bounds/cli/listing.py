"""``python -m bounds list``."""

import argparse

from bounds.page import catalogue_page
from bounds.theorems import catalogue


def run(options: argparse.Namespace) -> None:
    """Prints one line per entry, or the catalogue page of the docs."""
    entries = [entry for entry in catalogue.values() if options.paper in (None, entry.topic.value)]
    if options.format == "markdown":
        print(catalogue_page(entries), end="")
        return
    width = max(len(entry.id) for entry in entries)
    for entry in entries:
        print(f"{entry.id.ljust(width)}  {entry.tag.value.ljust(10)}  {entry.side.value.ljust(5)}  {entry.quantity}")
