"""A competition's tables: the list of instances, and a file of results that grows line by line and survives a crash."""

import ast
import csv
import dataclasses as dc
import fcntl
import io
import os
from pathlib import Path
from types import TracebackType

from certify.cli.answering import allowed_seconds
from certify.errors import InvalidInput


@dc.dataclass(frozen=True, slots=True)
class Instance:
    """A line of ``instances.csv``: the networks' files by name (one alone has the name ""), the query, the limit.

    ``onnx`` and ``vnnlib`` are the first two fields as they stand there, ``folder`` is the list's own: what its paths
    are relative to. ``seconds`` may be infinite.
    """

    onnx: str
    vnnlib: str
    seconds: float
    folder: Path

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the others."""
        return self.onnx, self.vnnlib

    @property
    def query(self) -> Path:
        """The query's file."""
        return self.folder / self.vnnlib

    @property
    def networks(self) -> dict[str, Path]:
        """The networks' files by name.

        Raises:
            InvalidInput: the field starts like a list but is no list of pairs (name, path).
        """
        if not self.onnx.lstrip().startswith("["):
            return {"": self.folder / self.onnx}
        try:
            return {str(name): self.folder / str(path) for name, path in ast.literal_eval(self.onnx.strip())}
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            raise InvalidInput(f"{self.onnx[:60]!r} is no list of pairs (name, path).") from None

    @property
    def title(self) -> str:
        """The stems of its files, as counterexamples are named."""
        stems = [path.name.removesuffix(".gz").removesuffix(".onnx") for path in self.networks.values()]
        return "_".join([*stems, self.query.name.removesuffix(".gz").removesuffix(".vnnlib")])


def instances(path: Path) -> list[Instance]:
    """The instances that a file lists: ``onnx,vnnlib,seconds`` a line, no header, paths relative to the file.

    Raises:
        InvalidInput: no such file, a line with other fields, or the same instance twice.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(enumerate(csv.reader(file), 1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"Cannot read the list of instances {path}: {error}.") from None
    found: dict[tuple[str, str], Instance] = {}
    for number, fields in rows:
        if not fields:
            continue
        if len(fields) not in (2, 3):
            raise InvalidInput(
                f"{path}, line {number}: ONNX,VNNLIB,SECONDS is expected, here are {len(fields)} fields."
            )
        try:
            seconds = allowed_seconds(fields[2] if len(fields) == 3 else "")
        except InvalidInput as error:
            raise InvalidInput(f"{path}, line {number}: {error}") from None
        instance = Instance(fields[0].strip(), fields[1].strip(), seconds, path.parent)
        if instance.key in found:
            raise InvalidInput(f"{path}, line {number}: {instance.onnx}, {instance.vnnlib} is listed twice.")
        found[instance.key] = instance
    if not found:
        raise InvalidInput(f"{path} lists no instances.")
    return list(found.values())


@dc.dataclass(frozen=True, slots=True)
class Result:
    """A line of the results: ``category,onnx,vnnlib,prepare_time,result,run_time``, times in seconds."""

    category: str
    onnx: str
    vnnlib: str
    prepare_seconds: float
    result: str
    run_seconds: float

    def line(self) -> str:
        """The line, with its end."""
        text = io.StringIO()
        times = (f"{self.prepare_seconds:.6f}", f"{self.run_seconds:.6f}")
        fields = (self.category, self.onnx, self.vnnlib, times[0], self.result, times[1])
        csv.writer(text, lineterminator="\n").writerow(fields)
        return text.getvalue()


class Results:
    """The open file of results, locked; each line is on the disk before ``add`` returns. Use it in ``with``.

    ``done`` is what there is: the result of each instance, by its two files.
    """

    def __init__(self, file: int, done: dict[tuple[str, str], str]) -> None:
        """Adopts an open and locked file; call ``Results.open``."""
        self._file = file
        self.done = done

    @classmethod
    def open(cls, path: Path, *, resume: bool) -> "Results":
        """A new file, or with ``resume`` the one that is there; a last line without an end was cut off and is dropped.

        Raises:
            InvalidInput: it cannot be written, is in use, exists already, or holds something else.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | (0 if resume else os.O_EXCL), 0o666)
        except FileExistsError:
            raise InvalidInput(f"{path} exists. Add --resume to go on with it, or choose another name.") from None
        except OSError as error:
            raise InvalidInput(f"Cannot write {path}: {error.strerror}.") from None
        try:
            return cls(file, _locked_rows(file, path))
        except BaseException:
            os.close(file)
            raise

    def add(self, result: Result) -> None:
        """Appends a line."""
        data = result.line().encode()
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except BaseException:
            os.ftruncate(self._file, end)
            raise
        self.done[result.onnx, result.vnnlib] = result.result

    def __enter__(self) -> "Results":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def _locked_rows(file: int, path: Path) -> dict[tuple[str, str], str]:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InvalidInput(f"{path} is being written by another run.") from None
    data = b"".join(iter(lambda: os.read(file, 1 << 20), b""))
    whole = data[: data.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(io.StringIO(whole.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} holds no results: {error}.") from None
    for number, row in enumerate(rows, 1):
        if len(row) != 6:
            raise InvalidInput(f"{path}, line {number} has {len(row)} fields, a result has 6. Is it another file?")
    os.ftruncate(file, len(whole))
    return {(row[1], row[2]): row[4] for row in rows}
