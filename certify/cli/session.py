"""A whole run: read model and data, certify, keep every answer, report."""

import time
from pathlib import Path

from certify.cli import provenance
from certify.cli.choice import choose_display
from certify.cli.display import Display, Output
from certify.cli.interrupts import terminate_as_interrupt
from certify.cli.main import INTERRUPTED
from certify.cli.request import Request
from certify.errors import InvalidInput
from certify.io.datasets import load_points
from certify.outcome import Status
from certify.radius import Certifier
from certify.region import Norm
from certify.report.folder import write_json, write_report
from certify.report.summary import Heading, terminal_summary
from certify.report.totals import Totals
from certify.run import Engine, Job, execute, identity
from certify.store import Store


def certify_file(request: Request, *, out: Output, log: Output) -> int:
    """Runs the request, rows as JSON to ``out`` if asked for, everything else to ``log``; the exit code.

    Raises:
        CertifyError: what was asked makes no sense, or could not be kept.
    """
    if request.resume and request.out is None:
        raise InvalidInput("--resume needs --out RUN, the folder of the run to continue.")
    model = request.reading.load(request.model)
    points = load_points(request.data, model.network, index=request.index)
    settings = request.settings(model.network.input_width)
    job = Job(model.network, points.points, points.labels, points.indices, settings)
    engine = Certifier(model.network, settings, replay=model.replay)
    about = identity(provenance.digests(model, points), settings)
    folder = request.out or new_folder(default_folder(request, settings.norm))
    heading = provenance.heading(request, model, points, settings)
    with Store.open(folder, about, resume=request.resume) as store, terminate_as_interrupt():
        write_json(folder / "run.json", provenance.run_facts(folder, request, model, points, settings))
        for line in provenance.opening(heading, folder, len(store.rows)):
            print(line, file=log, flush=True)
        with choose_display(heading, store, out if request.json else None, log, time.monotonic) as display:
            interruption = _certify(job, engine, store, display)
        return _conclude(folder, heading, store, interruption, log)


def _certify(job: Job, engine: Engine, store: Store, display: Display) -> BaseException | None:
    """Runs the job; what interrupted it, or None."""
    try:
        execute(job, engine, store, clock=time.monotonic, on_row=display.show)
    except (KeyboardInterrupt, BrokenPipeError) as interruption:
        return interruption
    return None


def _conclude(folder: Path, heading: Heading, store: Store, interruption: BaseException | None, log: Output) -> int:
    if store.rows:
        write_report(folder, heading, store.rows)
    if isinstance(interruption, BrokenPipeError):
        raise interruption
    if store.rows:
        print(terminal_summary(heading, Totals.of(store.rows)), file=log)
    kept = f"files: {folder}/" + (" (start with summary.md)" if store.rows else "")
    if interruption is not None:
        print(f"{kept}\ninterrupted; continue with --out {folder} --resume", file=log)
        return INTERRUPTED
    print(kept, file=log)
    return int(any(row.answer.status is Status.ERROR for row in store.rows))


def default_folder(request: Request, norm: Norm) -> Path:
    """Where a run goes that names no folder: ``runs/MODEL-DATA-NORM``."""
    data = provenance.data_name(request.data).split(".")[0].replace(":", "-")
    return Path("runs") / f"{Path(request.model).name.split('.')[0]}-{data}-{norm}"


def new_folder(wanted: Path) -> Path:
    """A folder that did not exist: ``wanted``, or the first of ``wanted-2``, ``wanted-3``, ... that is free.

    Raises:
        InvalidInput: it cannot be made.
    """
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as problem:
            raise InvalidInput(f"Cannot make the folder {folder}: {problem.strerror}. Choose --out.") from None
        else:
            return folder
