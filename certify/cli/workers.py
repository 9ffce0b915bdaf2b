"""Processes that answer instances one after the other; one that dies or hangs costs its instance and is replaced."""

import dataclasses as dc
import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from certify.cli.answering import Answer, answer
from certify.cli.results import Instance
from certify.deadline import Deadline
from certify.errors import CertifyError

_GRACE = 10.0
"""Seconds after its limit when a worker that has not answered is killed."""


@dc.dataclass(frozen=True, slots=True)
class Finished:
    """An instance with its verdict, the text after it, and the seconds that it took.

    ``result`` is ``sat``, ``unsat``, ``unknown``, ``timeout``, ``error`` or ``error_exit_code_N``.
    """

    instance: Instance
    result: str
    assignment: str
    remarks: tuple[str, ...]
    seconds: float


def run(asked: Sequence[Instance], *, workers: int, seed: int, device: str = "cpu") -> Generator[Finished, None, None]:
    """The answers in the order in which they are ready; closing the iterator ends the workers."""
    waiting = list(reversed(asked))
    crew = [_Worker(device) for _ in range(min(workers, len(asked)))]
    try:
        while waiting or any(worker.instance for worker in crew):
            for worker in crew:
                if waiting and not worker.instance:
                    worker.begin(waiting.pop(), seed)
            busy = [worker for worker in crew if worker.instance]
            wait = max(0.0, min(worker.overdue for worker in busy) - time.monotonic())
            multiprocessing.connection.wait([w.connection for w in busy], None if math.isinf(wait) else wait)
            yield from (found for worker in busy if (found := worker.collect()))
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """A process and the instance that it is busy with, if any."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._start()
        self.instance: Instance | None = None
        self.overdue = math.inf
        self._begun = 0.0

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_serve, args=(far, self._device), daemon=True)
        self._process.start()
        far.close()
        self.connection.recv()  # the libraries are loaded before any clock starts

    def begin(self, instance: Instance, seed: int) -> None:
        """Hands an instance over."""
        self.instance, self._begun = instance, time.monotonic()
        self.overdue = self._begun + instance.seconds + _GRACE
        self.connection.send((instance, seed))

    def collect(self) -> Finished | None:
        """The answer if there is one; that of a worker that died or is overdue is an error or a timeout."""
        assert self.instance is not None
        now = time.monotonic()
        if self.connection.poll():
            try:
                result, text, remarks = self.connection.recv()
            except (EOFError, OSError):
                self._process.join()
                result, text, remarks = f"error_exit_code_{self._process.exitcode}", "", ("the worker died",)
                self._replace()
        elif now >= self.overdue:
            result, text, remarks = "timeout", "", (f"killed {_GRACE:g} s after its time limit",)
            self._replace()
        else:
            return None
        done = Finished(self.instance, result, text, remarks, now - self._begun)
        self.instance, self.overdue = None, math.inf
        return done

    def _replace(self) -> None:
        self.end()
        self._start()

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(connection: Connection, device: str) -> None:
    """The life of a worker: answers instances until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    connection.send("ready")
    while True:
        try:
            instance, seed = connection.recv()
        except (EOFError, OSError):
            return
        deadline = Deadline.after(instance.seconds, time.monotonic)
        connection.send(_result(instance, deadline, seed, device))


def _result(instance: Instance, deadline: Deadline, seed: int, device: str) -> tuple[str, str, tuple[str, ...]]:
    try:
        found: Answer = answer(instance.query, instance.networks, deadline, seed=seed, device=device)
    except CertifyError as error:
        return "error", "", (str(error),)
    except Exception as error:  # one instance must not end the run
        return "error", "", (f"{type(error).__name__}: {error}",)
    words = {"timed-out": "timeout"}
    return words.get(found.verdict, str(found.verdict)), found.assignment, found.remarks
