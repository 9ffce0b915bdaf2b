"""``python -m bounds table``, and the audit of a saved network."""

import argparse
from collections.abc import Mapping
from typing import Any

from bounds.audit import audit
from bounds.cli.inspect_model import read_counts
from bounds.cli.letters import read_settings
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
    return audit(read_counts(options.model), about_data, options.norm)


def _letters_of_data(options: argparse.Namespace, given: dict[Any, Any]) -> Mapping[Any, Any]:
    """The letters of the data set: eps is half of --separation unless --set gives it."""
    names = {str(letter) for letter in given}
    if options.separation is not None:
        if "eps" in names:
            raise InvalidInput("--separation is 2 eps: give one of the two.")
        letter, half = read_letter("eps", read_number(options.separation) / 2)
        given[letter] = half
        names.add("eps")
    if missing := {"N", "eps"} - names:
        about = f" of {options.data}" if options.data else ""
        raise InvalidInput(
            f"An audit needs {' and '.join(sorted(missing))}{about}: this command reads no data. Give the number of "
            f"samples as --set N=... "
            "and the distance between the classes, in the norm of --norm, as --separation DISTANCE (or half of it as "
            "--set eps=...)."
        )
    return given
