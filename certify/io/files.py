"""Files as bytes: found also when only ``.gz`` is there, unzipped, fingerprinted, and written in one step."""

import dataclasses as dc
import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

from certify.errors import InvalidInput

LARGEST_FILE = 16 * 2**30
"""Compressed files that unpack to more bytes than this are refused."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A file's bytes: ``data`` unzipped, ``digest`` the SHA-256 of the bytes as stored, ``path`` where they were."""

    path: Path
    data: bytes
    digest: str


def find(path: str | os.PathLike[str]) -> Path:
    """``path``, or ``path.gz`` when only that exists.

    Raises:
        InvalidInput: neither is a file.
    """
    wanted = Path(path)
    if wanted.is_dir():
        raise InvalidInput(f"{wanted} is a folder; a file is needed.")
    for candidate in (wanted, wanted.with_name(wanted.name + ".gz")):
        if candidate.is_file():
            return candidate
    raise InvalidInput(f"There is no file {wanted} (nor {wanted.name}.gz beside it). Check the path.")


def read(path: str | os.PathLike[str]) -> Contents:
    """The contents of ``path`` or ``path.gz``, unzipped when they are gzip.

    Raises:
        InvalidInput: missing, unreadable, empty, or truncated inside the compression.
    """
    found = find(path)
    try:
        stored = found.read_bytes()
    except OSError as error:
        raise InvalidInput(f"Cannot read {found}: {error.strerror}.") from error
    if not stored:
        raise InvalidInput(f"{found} is empty (0 bytes). Was it saved completely?")
    data = _unzipped(stored, found) if stored[:2] == b"\x1f\x8b" else stored
    if not data:
        raise InvalidInput(f"{found} unpacks to nothing.")
    return Contents(found, data, hashlib.sha256(stored).hexdigest())


def _unzipped(stored: bytes, path: Path) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        data = stream.decompress(stored, LARGEST_FILE)
        if stream.unconsumed_tail:
            raise InvalidInput(f"{path} unpacks to more than {LARGEST_FILE} bytes; unpack it by hand if that is right.")
        if stream.eof and stream.unused_data:
            data = gzip.decompress(stored)  # several gzip members in one file
    except (zlib.error, OSError, EOFError) as error:
        raise InvalidInput(f"{path} is damaged: {error}.") from error
    if not stream.eof:
        raise InvalidInput(f"{path} is truncated: its gzip stream does not end. Was it copied completely?")
    return data


def check(path: str | os.PathLike[str]) -> None:
    """Refuses a path that ``write`` could not write, for those who would compute for long before.

    Raises:
        InvalidInput: the folder is missing or not writable, or the path is a folder.
    """
    target = Path(path)
    if target.is_dir() or not target.name:
        raise InvalidInput(f"Cannot write {target}: it is a folder. Name a file.")
    if not target.parent.is_dir():
        raise InvalidInput(f"Cannot write {target}: there is no folder {target.parent}. Make it, or name another.")
    if not os.access(target.parent, os.W_OK):
        raise InvalidInput(f"Cannot write {target}: its folder is not writable. Name another.")


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step: after a failure or a crash the old file is still there.

    Raises:
        InvalidInput: the folder is missing or not writable, or the disk is full.
    """
    target = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise InvalidInput(
            f"Cannot write {target}: {error.strerror}. The file that was there, if any, is unchanged."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
