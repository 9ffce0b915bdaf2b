"""``python -m certify`` many times, each in a process of its own, without waiting for its imports each time.

This program imports what the command line needs, then forks once for every line that it reads: a JSON object with the
words, the folder to run in and the files for standard output and error. It answers with the exit code.
"""

import json
import os
import resource
import runpy
import sys

import certify.cli.inspect
import certify.cli.session  # noqa: F401


def serve() -> None:
    """Runs every request to its end before it reads the next."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            become_certify(request)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201


def become_certify(request: dict) -> None:
    """Turns this process into the command line and ends it."""
    os.chdir(request["folder"])
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, request["out"], None), (2, request["err"], None)):
        where = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if flags is None else flags, 0o600)
        os.dup2(where, number)
        os.close(where)
    if request["largest_file"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
    sys.argv = ["certify", *request["words"]]
    try:
        runpy.run_module("certify", run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
