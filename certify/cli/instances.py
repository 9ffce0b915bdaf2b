"""`python -m certify instances instances.csv -o results.csv`: a whole benchmark, in parallel, resumable."""

import argparse
import collections
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from certify.cli import numbers
from certify.errors import InvalidInput

if TYPE_CHECKING:
    from certify.cli.results import Instance, Results
    from certify.cli.workers import Finished

_TEXT = """\
Answers every instance of a VNN-COMP benchmark: lines ONNX,VNNLIB,SECONDS with paths relative to the list. Each result
is one line CATEGORY,ONNX,VNNLIB,PREPARE_TIME,RESULT,RUN_TIME, on the disk before the next is begun; after a crash or an
interruption, --resume goes on with what is missing, if no file has changed (RESULTS.sha256). Counterexamples go to a
folder, one file each.
"""
_MORE = """\
exit codes: 0 every instance has a result, whatever it is; 1 some ended in an error; 2 bad usage or input;
130 interrupted (results are kept; go on with --resume)
"""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify instances",
        description=_TEXT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("list", metavar="INSTANCES.csv", type=Path, help="the list of instances")
    add("-o", "--out", required=True, type=Path, metavar="RESULTS.csv", help="a new file for the results")
    add("--resume", action="store_true", help="go on with the results that are there")
    add("--counterexamples", type=Path, metavar="DIR", help="folder for counterexamples (RESULTS.counterexamples)")
    add("--category", metavar="NAME", help="first field of each result (the name of the list's folder)")
    add("--workers", type=numbers.whole, metavar="N", help="instances answered at a time (one for each processor)")
    add("--seed", type=numbers.whole, default=0, metavar="S", help="seed of the attacks (0)")
    add("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to search (cpu)")
    return made


def main(arguments: Sequence[str]) -> int:
    """Reads the arguments, answers what has no result yet, and returns the exit code."""
    given = parser().parse_args(arguments)
    workers = len(os.sched_getaffinity(0)) if given.workers is None else given.workers
    if not workers:
        raise InvalidInput("--workers 0: at least one is needed.")
    from certify.cli import inventory
    from certify.cli.interrupts import terminate_as_interrupt
    from certify.cli.main import INTERRUPTED
    from certify.cli.results import Results, instances
    from certify.cli.workers import run
    from certify.device import find_device
    from certify.io import files

    asked, device = instances(given.list), str(find_device(given.device))
    files.check(given.out)
    category = given.category or given.list.resolve().parent.name
    folder = given.counterexamples or given.out.with_suffix(".counterexamples")
    counts: collections.Counter[str] = collections.Counter()
    names = inventory.titles(asked)
    with Results.open(given.out, resume=given.resume) as results, terminate_as_interrupt():
        open_ = [instance for instance in asked if instance.key not in results.done]
        _take_stock(given.out.with_suffix(".sha256"), asked, results)
        print(f"{len(open_)} of {len(asked)} instances to do, {workers} at a time", file=sys.stderr)
        answers = run(open_, workers=workers, seed=given.seed, device=device)
        try:
            for done in answers:
                _keep(done, category, folder / f"{names[done.instance.key]}.counterexample", results)
                counts[done.result] += 1
                _show(done, sum(counts.values()), len(open_))
        except KeyboardInterrupt:
            print(f"interrupted; go on with -o {given.out} --resume", file=sys.stderr)
            return INTERRUPTED
        finally:
            answers.close()
    print(", ".join(f"{count} {result}" for result, count in sorted(counts.items())) or "nothing to do")
    failed = sum(result.startswith("error") for result in results.done.values())
    if old := failed - sum(count for result, count in counts.items() if result.startswith("error")):
        print(f"{old} earlier results are errors: delete their lines in {given.out} to try them again", file=sys.stderr)
    return int(failed > 0)


def _take_stock(path: Path, asked: "Sequence[Instance]", results: "Results") -> None:
    """Keeps what the files are now; those that there are results for must be the same as then."""
    from certify.cli import inventory

    digests = inventory.take(asked)
    done = [instance for instance in asked if instance.key in results.done]
    kept = inventory.compare(path, digests, done)
    if done and not kept:
        print(f"there is no {path} to compare with: files may have changed since their results", file=sys.stderr)
    inventory.keep(path, {**kept, **digests})


def _keep(done: "Finished", category: str, counterexample: Path, results: "Results") -> None:
    """Writes the counterexample, if there is one, and then the line of results."""
    from certify.cli.results import Result
    from certify.io import files

    instance = done.instance
    if done.assignment:
        counterexample.parent.mkdir(parents=True, exist_ok=True)
        files.write(counterexample, (done.assignment + "\n").encode())
    results.add(Result(category, instance.onnx, instance.vnnlib, 0.0, done.result, done.seconds))


def _show(done: "Finished", number: int, total: int) -> None:
    remarks = "".join(f"\n    {remark}" for remark in done.remarks)
    line = f"{number}/{total} {done.result} {done.seconds:.2f} s {done.instance.onnx} {done.instance.vnnlib}{remarks}"
    print(line, file=sys.stderr, flush=True)
