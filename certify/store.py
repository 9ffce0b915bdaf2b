"""A run's rows on disk: one append-only file, locked while it is open, that survives being killed at any moment.

``records.jsonl`` starts with one line that says what the rows are about (its ``Identity``); each further line is one
record, written, flushed and synced before the next begins. A last line without its line break was cut off: it is
dropped.
"""

import dataclasses as dc
import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from certify.errors import InvalidInput
from certify.record import Record, decode, encode, read_object

RECORDS = "records.jsonl"
_FORMAT = "relucert-records-1"
T = TypeVar("T")


@dc.dataclass(frozen=True, slots=True)
class Identity:
    """What a run's rows are about, by name: digests and settings. Rows of equal identities may stand in one file."""

    facts: Mapping[str, str]

    def encode(self) -> str:
        """The first line of the file, without its line break."""
        return json.dumps({"format": _FORMAT, "identity": dict(self.facts)}, allow_nan=False)

    @classmethod
    def decode(cls, line: str) -> "Identity":
        """The identity that ``encode`` wrote.

        Raises:
            InvalidInput: the line is something else.
        """
        fields = read_object(line)
        facts = fields.get("identity")
        if fields.get("format") != _FORMAT or not isinstance(facts, dict):
            raise InvalidInput(f"The first line is not the head of a {_FORMAT} file: {line[:60]!r}.")
        return cls({str(name): str(value) for name, value in facts.items()})

    def differences(self, other: "Identity") -> list[str]:
        """Each fact that differs, with the value here and the value in ``other``."""
        names = [*self.facts, *(name for name in other.facts if name not in self.facts)]
        pairs = [(name, self.facts.get(name, "absent"), other.facts.get(name, "absent")) for name in names]
        return [
            f"{name} ({_short(mine)} there, {_short(theirs)} now)" for name, mine, theirs in pairs if mine != theirs
        ]


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Row:
    record: Record
    end: int


class Store:
    """The open ``records.jsonl`` of a run folder; use it in a ``with`` statement.

    Interrupting ``append`` anywhere leaves either the whole row or nothing, on disk and in ``rows``.
    """

    def __init__(self, file: int, path: Path, head_end: int, rows: list[_Row]) -> None:
        """Adopts the open and locked ``file``; call ``Store.open`` instead."""
        self.path = path
        self._file = file
        self._head_end = head_end
        self._rows = rows
        self._places = {row.record.index: place for place, row in enumerate(rows)}

    @classmethod
    def open(cls, folder: Path, identity: Identity, *, resume: bool = False) -> "Store":
        """The store in ``folder``: a new one, or with ``resume`` the one that is there.

        Raises:
            InvalidInput: the folder cannot be written, holds something already (without ``resume``), holds no run or a
                run about something else (with ``resume``; the message names what differs), is damaged, or is in use.
        """
        path = folder / RECORDS
        try:
            file = _open(folder, path, resume=resume)
        except OSError as problem:
            raise InvalidInput(f"Cannot write to {folder}: {problem.strerror}.") from None
        try:
            _lock(file, folder)
            store = cls(file, path, *_read(file, path, identity))
            os.ftruncate(file, store._end)
            if not store._end:
                store._head_end = store._write(identity.encode())
                _sync_folder(folder)
        except BaseException:
            os.close(file)
            raise
        return store

    @property
    def rows(self) -> tuple[Record, ...]:
        """Every row, in the order in which they were finished."""
        return tuple(row.record for row in self._rows)

    def __contains__(self, index: int) -> bool:
        """Whether the input numbered ``index`` has a row."""
        return index in self._places

    def __getitem__(self, index: int) -> Record:
        """The row of the input numbered ``index``, which has one."""
        return self._rows[self._places[index]].record

    def append(self, record: Record) -> None:
        """Adds a row; when it returns, the row is on the disk.

        Raises:
            InvalidInput: the disk is full or the file cannot be written; all earlier rows are kept.
        """
        self._rows.append(_Row(record, self._write(encode(record))))
        self._places[record.index] = len(self._rows) - 1

    @property
    def _end(self) -> int:
        return self._rows[-1].end if self._rows else self._head_end

    def _write(self, line: str) -> int:
        start = self._end
        text = (line + "\n").encode()
        done = 0
        try:
            while done < len(text):
                done += os.pwrite(self._file, text[done:], start + done)
            os.fsync(self._file)
        except OSError as problem:
            os.ftruncate(self._file, start)
            raise InvalidInput(
                f"Cannot write {self.path}: {problem.strerror}. {len(self._rows)} row(s) are kept; make room and "
                f"continue with --resume."
            ) from None
        except BaseException:
            os.ftruncate(self._file, start)
            raise
        return start + len(text)

    def close(self) -> None:
        """Closes and unlocks the file; it then holds exactly ``rows``."""
        os.ftruncate(self._file, self._end)
        os.close(self._file)

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_rows(folder: Path) -> tuple[Record, ...]:
    """The whole rows in a run folder, whatever they are about, without locking it.

    Raises:
        InvalidInput: there is no run, or it is damaged.
    """
    path = folder / RECORDS
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"Cannot read {path}: {problem.strerror}.") from None
    return tuple(row.record for row in _rows(path, content.split(b"\n")[:-1]))


def _open(folder: Path, path: Path, *, resume: bool) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    content = sorted(item.name for item in folder.iterdir())
    if content and not resume:
        raise InvalidInput(
            f"{folder} exists and is not empty. Continue that run with --resume, or choose another --out."
        )
    if content and RECORDS not in content:
        raise InvalidInput(f"{folder} holds {content[0]!r} but no {RECORDS}: it is not a run, so it cannot be resumed.")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if resume else os.O_EXCL)
    return os.open(path, flags, 0o666)


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InvalidInput(f"{folder} is in use by another process. Wait for it, or choose another --out.") from None
    except OSError as problem:
        raise InvalidInput(
            f"Cannot lock {folder / RECORDS}: {problem.strerror}. Choose --out on a local disk."
        ) from None


def _read(file: int, path: Path, identity: Identity) -> tuple[int, list[_Row]]:
    """Where the head ends (0: there is none) and the whole rows after it."""
    lines = _pread(file, os.fstat(file).st_size).split(b"\n")[:-1]
    if not lines:
        return 0, []
    _same(_parse(path, 1, lines[0], Identity.decode), identity, path)
    return len(lines[0]) + 1, _rows(path, lines)


def _rows(path: Path, lines: Sequence[bytes]) -> list[_Row]:
    """The rows in all lines but the first, the head."""
    end = len(lines[0]) + 1 if lines else 0
    rows: dict[int, _Row] = {}
    for number, line in enumerate(lines[1:], start=2):
        end += len(line) + 1
        record = _parse(path, number, line, decode)
        if record.index in rows:
            raise InvalidInput(f"{path} line {number}: input {record.index} occurs twice. Start a new run folder.")
        rows[record.index] = _Row(record, end)
    return list(rows.values())


def _sync_folder(folder: Path) -> None:
    """Makes the new file's name as durable as its content."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def _pread(file: int, size: int) -> bytes:
    parts: list[bytes] = []
    done = 0
    while done < size:
        part = os.pread(file, size - done, done)
        if not part:
            break
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def _parse(path: Path, number: int, line: bytes, decoder: Callable[[str], T]) -> T:
    try:
        return decoder(line.decode())
    except (InvalidInput, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{path} line {number} is damaged: {problem} Start a new run folder.") from None


def _same(there: Identity, now: Identity, path: Path) -> None:
    differences = there.differences(now)
    if differences:
        raise InvalidInput(
            f"{path.parent} is a run about something else, so it cannot be resumed: "
            f"{'; '.join(differences)}. Choose another --out."
        )


def _short(value: str) -> str:
    return value if len(value) <= 24 else value[:12] + "..."
