"""The command line's door: picks the subcommand by the first word, and turns mistakes into one line and an exit code.

Exit codes: 0 done, 1 some inputs failed, 2 bad usage or input, 3 unsupported model, 4 self-check failed,
130 interrupted with partial results kept. Nothing heavy is imported before the arguments are read.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from certify.errors import CertifyError

INTERRUPTED = 130
USAGE = 2
COMMANDS = {
    "inspect": "certify.cli.inspect",
    "demo": "certify.cli.demo",
    "verify": "certify.cli.verify",
    "supports": "certify.cli.supports",
    "instances": "certify.cli.instances",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command in ``arguments`` (default: the process's own) and returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _replace_closed_streams()
    name = COMMANDS.get(words[0]) if words else None
    if words and not name and (meant := _mistyped(words[0])):
        print(f"error: There is no file and no command {words[0]!r}. Did you mean {meant}?", file=sys.stderr)
        return USAGE
    module = importlib.import_module(name or "certify.cli.radii")
    try:
        code = int(module.main(words[1:] if name else words))
        sys.stdout.flush()
    except CertifyError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: say nothing
        _abandon_stdout()
        return INTERRUPTED
    except OSError as error:  # mostly what we print to: files have errors of their own
        what = f"Cannot read or write {error.filename or 'the output'}: {error.strerror}"
        print(f"error: {what}. Make room, or choose another place; a run keeps its finished inputs.", file=sys.stderr)
        _abandon_stdout()
        return USAGE
    return code


def _mistyped(word: str) -> str | None:
    """The command that a word looks like, if it is no file's name."""
    if word.startswith("-") or os.path.exists(word):
        return None
    return next(iter(difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.75)), None)


def _replace_closed_streams() -> None:
    """A process that was started without standard output or error prints into nowhere."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _abandon_stdout() -> None:
    """Lets Python flush at its end what could not be printed into nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
