"""``python -m bounds``: which subcommand, which exit code. Importing this file imports neither sympy nor matplotlib."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from bounds.errors import BoundsError

_COMMANDS = {
    "list": "the entries of the catalogue",
    "show": "one entry: statement, formula, hypotheses, what it rests on",
    "eval": "one entry's value, exact or enclosed",
    "table": "a table of entries, or the audit of a model",
    "compare": "two entries as a letter grows: orders, ratio, crossover",
    "plot": "entries against a letter, as a figure",
}
_NORMS, _FORMATS = ("inf", "2"), ("text", "markdown", "latex", "csv", "json", "html")
_DIGITS = 4


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m bounds", description="Theorems about ReLU networks as numbers that can be trusted."
    )
    subcommands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {
        name: subcommands.add_parser(name, help=text, description=f"Prints {text}.") for name, text in _COMMANDS.items()
    }
    _entries(commands)
    _tables(commands["table"])
    _figures(commands["plot"])
    return top


def _entries(commands: dict[str, argparse.ArgumentParser]) -> None:
    commands["list"].add_argument("--paper", choices=("expressive-power", "feature-averaging", "vc", "verification"))
    commands["list"].add_argument(
        "--format", choices=("text", "markdown"), default="text", help="markdown: the page of the docs"
    )
    commands["show"].add_argument("entry", help="an id, or the end of one")
    commands["eval"].add_argument("entry", help="an id, or the end of one")
    commands["compare"].add_argument("first")
    commands["compare"].add_argument("second")
    commands["compare"].add_argument(
        "--over", required=True, metavar="LETTER", help="grows when an integer, tends to 0 when a length"
    )
    for name in ("eval", "table", "compare", "plot"):
        commands[name].add_argument(
            "--set",
            nargs="+",
            default=[],
            metavar="LETTER=VALUE",
            help="values such as N=60000 eps=1/8 delta=0.1 w=784-256-1",
        )
    for name in ("eval", "table"):
        commands[name].add_argument(
            "--digits", type=int, default=_DIGITS, help="significant digits, rounded in the bound's direction"
        )


def _tables(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", help="expressive-power, feature-averaging, vc, memorizers, ...")
    command.add_argument("--format", choices=_FORMATS, default="text")
    command.add_argument("--norm", choices=_NORMS, default="inf")
    command.add_argument("--model", metavar="FILE", help="audit this network instead; certify inspects it")
    command.add_argument("--data", metavar="SPEC", help="with --model: what the data set is called in the caption")
    command.add_argument(
        "--separation", metavar="DISTANCE", help="with --model: distance between the classes, 2 eps, in the norm"
    )


def _figures(command: argparse.ArgumentParser) -> None:
    command.add_argument("entries", nargs="+", metavar="ENTRY")
    command.add_argument("--over", required=True, metavar="LETTER", help="the horizontal axis")
    command.add_argument(
        "--range", dest="span", required=True, metavar="FIRST:LAST", help="its values; lengths may be decimals"
    )
    command.add_argument("--points", metavar="FILE.csv", help="measured counts: columns x, y, label")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="a .pdf, .svg or .png file")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; returns 0, or the exit code of the error whose message it prints."""
    options = parser().parse_args(arguments)
    try:
        import_module(f"bounds.cli.{_MODULES.get(options.command, options.command)}").run(options)
    except BoundsError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:
        # The reader has gone; keep Python's flush at exit from saying so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


_MODULES = {"list": "listing", "eval": "evaluation"}
"""Subcommands whose name is taken by a builtin."""
