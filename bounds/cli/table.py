"""``python -m bounds table``, and the audit of a saved network."""

import argparse
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from bounds.audit import audit
from bounds.cli.inspect_model import read_counts
from bounds.cli.letters import read_settings
from bounds.cli.measure_data import read_data
from bounds.errors import InvalidInput
from bounds.evaluate import read_letter, read_number
from bounds.render import FORMATS
from bounds.table import NAMES, Table, build


def run(options: argparse.Namespace) -> None:
    """Prints a table in the format asked for."""
    if not 1 <= options.digits <= 50:
        raise InvalidInput(f"--digits {options.digits} is not possible: give 1 to 50.")
    print(FORMATS[options.format](_table(options), options.digits), end="")


def _table(options: argparse.Namespace) -> Table:
    given = dict(read_settings(options.set))
    if options.model is None:
        if options.name is None:
            raise InvalidInput(f"Name a table, or give --model FILE for an audit. Tables: {', '.join(NAMES)}.")
        if options.data is not None or options.separation is not None:
            raise InvalidInput("--data and --separation belong to an audit: add --model FILE.")
        return build(options.name, given, options.norm)
    if options.name is not None:
        raise InvalidInput(f"Give a table's name or --model, not both: {options.name!r} and {options.model!r}.")
    about_data = _letters_of_data(options, given)
    counts = read_counts(options.model)
    return audit(counts, about_data, options.norm, data=options.data or "")


def _letters_of_data(options: argparse.Namespace, given: dict[Any, Any]) -> Mapping[Any, Any]:
    """N, d and eps: as ``--set`` gives them, eps also as half of --separation, and what is missing from the data."""
    names = {str(letter) for letter in given}
    if options.separation is not None:
        if "eps" in names:
            raise InvalidInput("--separation is 2 eps: give one of the two.")
        letter, half = read_letter("eps", read_number(options.separation) / 2)
        given[letter] = half
        names.add("eps")
    missing = {"N", "eps"} - names
    if not missing:
        return given
    if options.data is None:
        raise InvalidInput(
            f"An audit needs {' and '.join(sorted(missing))}. Name the data set with --data SPEC to have them "
            f"measured, or give the number of samples as --set N=... and the distance between the classes, in the "
            f"norm of --norm, as --separation DISTANCE (or half of it as --set eps=...)."
        )
    facts = read_data(options.data, options.norm)
    for name, value in (("N", Fraction(facts.samples)), ("d", Fraction(facts.inputs)), ("eps", facts.epsilon)):
        if name not in names:
            letter, number = read_letter(name, value)
            given[letter] = number
    return given
