"""``python -m constructions``: picks the subcommand by the first word, and turns mistakes into one line and a code.

Exit codes: 0 done, 1 a claim failed, 2 bad usage or input, 3 unsupported model, 4 self-check failed, 130 interrupted.
Nothing heavy is imported before the arguments are read.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from bounds.errors import BoundsError
from certify.errors import CertifyError

_INTERRUPTED = 130
_COMMANDS = {
    "list": ("constructions.cli.listing", "the networks that can be built, and the theorem behind each"),
    "build": ("constructions.cli.build", "build one, prove its claims, and save it"),
    "check": ("constructions.cli.check", "prove every claim that a saved file carries"),
    "train": ("constructions.cli.train", "networks made by gradient descent, to compare with"),
    "sample": ("constructions.cli.sample", "the data that the theorems speak about, seeded"),
    "separation": ("constructions.cli.separation", "distances within and between the classes of a data set"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand and returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words[:1])
    module = importlib.import_module(_COMMANDS[options.command][0])
    try:
        code = int(module.main(words[1:]))
        sys.stdout.flush()
    except (CertifyError, BoundsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone; keep Python's flush at exit from saying so again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions",
        description="Networks that theorems promise, with their claims.",
        epilog="; ".join(f"{name}: {text}" for name, (_, text) in _COMMANDS.items()),
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help=" | ".join(_COMMANDS))
    return parser
