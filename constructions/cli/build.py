"""``python -m constructions build NAME ... -o FILE``."""

import argparse
import sys
from collections.abc import Sequence

from certify.errors import InvalidInput, SelfCheckFailed
from certify.io import writers
from constructions import catalogue, recipe
from constructions.cli.evidence import report
from constructions.files import save
from constructions.origin import Origin
from constructions.theorem import Family

_MEMORIZERS = {"inf": "hinge-bumps", "2": "voronoi", "1": "distance-bumps"}
"""The network that ``memorizer`` means, by norm."""


def main(arguments: Sequence[str]) -> int:
    """Builds the construction, proves its claims, and saves it; 4 when a claim fails, and then nothing is saved."""
    words = list(arguments)
    name = words[0] if words and not words[0].startswith("-") else None
    if name is None:
        _usage().parse_args(words)
        raise InvalidInput(f"Say what to build: one of memorizer, {', '.join(catalogue.names())}.")
    if name == "memorizer":
        name, words = _memorizer(words)
    family = catalogue.family(name)
    options = parser(family).parse_args(words[1:])
    writers.check(options.output)
    origin = Origin(options.data, options.index) if options.data else None
    if origin is None and options.index is not None:
        raise InvalidInput("--index chooses from a data set; give one with --data SPEC.")
    chosen = {field.name: getattr(options, field.name) for field in recipe.options(family)}
    given = {key: text for key, text in chosen.items() if text is not None}
    built = recipe.from_text(family, given, **_ingredients(family, options))
    construction = built.construct(origin.read() if origin else None)
    counts = construction.network.count()
    print(
        f"{name}: {counts.nnz:,} non-zero parameters ({counts.dense:,} with zeros), {counts.units:,} ReLUs, "
        f"{counts.depth} affine maps, {construction.network.output_width} output(s)"
    )
    if options.prove and not report(construction):
        raise SelfCheckFailed("A claim is not proved on this instance, so nothing was saved.")
    save(construction, options.output, origin=origin)
    print(f"saved {options.output}" + ("" if options.prove else " (claims not yet proved: run check)"))
    return 0


def _usage() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m constructions build",
        usage="%(prog)s NAME [--data SPEC] [parameters] -o FILE",
        description="Builds a network, proves its claims and saves it with them. `build NAME --help` lists parameters.",
        epilog=f"NAME: memorizer (by --norm), {', '.join(catalogue.names())}",
    )


def _memorizer(words: list[str]) -> tuple[str, list[str]]:
    """The default memorizer of the norm in ``words``, and the words without the norm."""
    parser = argparse.ArgumentParser(prog="python -m constructions build memorizer", add_help=False)
    parser.add_argument("--norm", choices=_MEMORIZERS, default="inf")
    options, rest = parser.parse_known_args(words)
    return _MEMORIZERS[options.norm], rest


def parser(family: type[Family]) -> argparse.ArgumentParser:
    """The options of building one family."""
    made = argparse.ArgumentParser(
        prog=f"python -m constructions build {family.name}", description=family.theorem.statement
    )
    made.add_argument("--data", metavar="SPEC", help="labelled points: digits@odd, mnist:DIR, FILE.npz, ...")
    made.add_argument("--index", metavar="0:100", help="which of them")
    for field in recipe.options(family):
        made.add_argument(f"--{field.name.replace('_', '-')}", dest=field.name, help=field.metadata["help"])
    for field in recipe.ingredients(family):
        made.add_argument(
            f"--{field.name.replace('_', '-')}", dest=field.name, metavar="MODEL", help=field.metadata["help"]
        )
    made.add_argument("--skip-proofs", dest="prove", action="store_false", help="save without proving the claims")
    made.add_argument("-o", "--output", required=True, metavar="FILE", help=".safetensors, .onnx, .onnx.gz or .pt")
    return made


def _ingredients(family: type[Family], options: argparse.Namespace) -> dict[str, object]:
    """The saved models that a family builds on."""
    from certify.io.models import load

    chosen = {field.name: getattr(options, field.name) for field in recipe.ingredients(family)}
    for name, path in chosen.items():
        if path is None:
            raise InvalidInput(f"{family.name} needs --{name.replace('_', '-')} MODEL.")
        print(f"reading {path}", file=sys.stderr)
    return {name: load(path).network for name, path in chosen.items()}
