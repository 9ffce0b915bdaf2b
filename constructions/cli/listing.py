"""``python -m constructions list``."""

import argparse
from collections.abc import Sequence

from constructions import catalogue, recipe
from constructions.theorem import Family


def main(arguments: Sequence[str]) -> int:
    """Prints each family, the theorem that it makes good, and its parameters."""
    parser = argparse.ArgumentParser(prog="python -m constructions list", description="What can be built.")
    parser.add_argument("--long", action="store_true", help="also say what each theorem states")
    options = parser.parse_args(arguments)
    families = [catalogue.family(name) for name in catalogue.names()]
    widths = [max(len(text) for text in column) for column in zip(*(_row(family) for family in families), strict=True)]
    for family in families:
        print("  ".join(text.ljust(width) for text, width in zip(_row(family), widths, strict=True)).rstrip())
        if options.long:
            print(f"    {family.theorem.statement}")
    return 0


def _row(family: type[Family]) -> tuple[str, str, str]:
    theorem = family.theorem
    source = f"{theorem.name} ({theorem.source.key}, {theorem.tag.value})"
    given = ["--data SPEC"] if family.needs_data else []
    given += [f"--{field.name.replace('_', '-')}" for field in recipe.options(family)]
    return family.name, source, " ".join(given)
