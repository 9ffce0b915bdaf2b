"""``python -m bounds compare``."""

import argparse

from bounds.asymptotics import compare
from bounds.cli.letters import read_settings
from bounds.errors import UnknownLetter
from bounds.symbols import letters
from bounds.theorems import catalogue


def run(options: argparse.Namespace) -> None:
    """Prints orders of growth, the limit of the ratio and the crossover of two entries."""
    if options.over not in letters:
        raise UnknownLetter(
            f"--over {options.over!r} is not a letter of the catalogue. Letters: {', '.join(sorted(letters))}."
        )
    first, second, given = catalogue[options.first], catalogue[options.second], read_settings(options.set)
    answer = compare(first, second, options.over, given)
    end = "infinity" if letters[options.over].symbol.is_integer else "0"
    print(f"{first.id}: {first.formula()}, of order {answer.first_order}")
    print(f"{second.id}: {second.formula()}, of order {answer.second_order}")
    ratio = "decided by constants that are not stated" if answer.limit is None else answer.limit
    print(f"ratio as {options.over} tends to {end}: {ratio}")
    if answer.crossover is None:
        print("crossover: none found")
    else:
        above = "second" if answer.limit == 0 or (answer.limit is not None and answer.limit < 1) else "first"
        print(
            f"crossover: from {options.over} = {answer.crossover.after} on the {above} is larger, at "
            f"{answer.crossover.before} it is not"
        )
