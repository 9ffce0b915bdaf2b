"""``python -m bounds plot``: entries against a letter. The only file of the package that imports matplotlib."""

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib

from bounds.cli.letters import read_settings
from bounds.entry import Entry
from bounds.errors import BoundsError, InvalidInput, UnknownLetter
from bounds.evaluate import read_number
from bounds.symbols import letters
from bounds.theorems import catalogue
from bounds.values import Enclosed, Exact, OrderOnly

matplotlib.use("Agg")
from matplotlib import pyplot

_COUNT = 60
_LARGEST = Fraction(10) ** 300
_STYLES = {"upper": "-", "lower": "--", "exact": ":"}


def run(options: argparse.Namespace) -> None:
    """Writes the figure."""
    if options.over not in letters:
        raise UnknownLetter(
            f"--over {options.over!r} is not a letter of the catalogue. Letters: {', '.join(sorted(letters))}."
        )
    output = Path(options.output)
    if output.suffix not in (".pdf", ".svg", ".png"):
        raise InvalidInput(f"-o {options.output!r} is no figure: end it in .pdf, .svg or .png.")
    symbol, given = letters[options.over].symbol, read_settings(options.set)
    values = list(_values(options.span, integer=bool(symbol.is_integer)))
    figure, axes = pyplot.subplots(figsize=(6.4, 4.4))
    for name in options.entries:
        _draw(axes, catalogue[name], [{**given, symbol: value} for value in values], values)
    if options.points is not None:
        _scatter(axes, Path(options.points))
    axes.set(xlabel=f"{options.over}: {letters[options.over].meaning}", xscale="log", yscale="log")
    axes.legend(fontsize="small")
    figure.tight_layout()
    try:
        figure.savefig(output)
    except OSError as problem:
        raise InvalidInput(f"{options.output!r} cannot be written: {problem.strerror}.") from None
    finally:
        pyplot.close(figure)
    print(f"saved {output}")


def _values(span: str, *, integer: bool) -> Iterator[Fraction]:
    """About 60 values between FIRST and LAST, evenly spaced on a logarithmic axis."""
    first, colon, last = span.partition(":")
    if not colon:
        raise InvalidInput(f"--range {span!r} is not FIRST:LAST, as in --range 2:1000.")
    low, high = read_number(first), read_number(last)
    if not 0 < low < high:
        raise InvalidInput(f"--range {span!r} is empty: FIRST must be positive and below LAST.")
    previous = None
    for i in range(_COUNT + 1):
        exact = float(low) * (float(high) / float(low)) ** (i / _COUNT)
        value = Fraction(round(exact)) if integer else Fraction(exact).limit_denominator(10**9)
        if value != previous and low <= value <= high:
            yield value
        previous = value


def _draw(axes: Any, entry: Entry, points: Sequence[Mapping[Any, Any]], values: Sequence[Fraction]) -> None:
    """One curve; values where the entry's hypotheses fail leave a gap."""
    heights: list[float] = []
    reason = "it is an order of growth"
    for point in points:
        try:
            value = entry.at(point)
        except BoundsError as problem:
            heights.append(float("nan"))
            reason = str(problem)
            continue
        heights.append(float("nan") if isinstance(value, OrderOnly) else _height(value))
    if all(height != height for height in heights):
        raise InvalidInput(f"{entry.id} has no value to draw: {reason}")
    axes.plot(
        [float(value) for value in values], heights, _STYLES[entry.side.value], label=f"{entry.id} ({entry.side.value})"
    )


def _height(value: Exact | Enclosed) -> float:
    return float(value.upper) if 0 < value.upper < _LARGEST else float("nan")


def _scatter(axes: Any, path: Path) -> None:
    """Measured counts as points, one colour per label."""
    try:
        with path.open(newline="") as file:
            rows = [(float(row["x"]), float(row["y"]), row["label"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise InvalidInput(f"--points {str(path)!r} is not a CSV with columns x, y, label: {problem!r}.") from None
    for label in dict.fromkeys(label for *_, label in rows):
        chosen = [(x, y) for x, y, own in rows if own == label]
        axes.scatter(*zip(*chosen, strict=True), marker="x", label=label)
