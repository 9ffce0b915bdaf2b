"""What the files of a benchmark were when its results were found: SHA-256 digests beside the results."""

import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from certify.cli.results import Instance
from certify.errors import InvalidInput
from certify.io import files

Digests = dict[str, str]
"""The digest of each file, by its path from the folder of the list."""


def take(asked: Iterable[Instance]) -> Digests:
    """The digests of all files of some instances; what cannot be read is left out, and its instances end as errors."""
    found: Digests = {}
    for instance in asked:
        for name, path in _files(instance):
            if name not in found and (digest := _digest(path)):
                found[name] = digest
    return found


def keep(path: Path, digests: Digests) -> None:
    """Writes digests as ``sha256sum`` does.

    Raises:
        InvalidInput: the file cannot be written.
    """
    files.write(path, "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode())


def compare(path: Path, digests: Digests, done: Iterable[Instance]) -> Digests:
    """The digests kept in ``path``, none if there is no such file; no file of ``done`` may have another one now.

    Raises:
        InvalidInput: a file has changed, or ``path`` cannot be read.
    """
    if not path.exists() or not path.stat().st_size:  # nothing could be read the last time
        return {}
    lines = files.read(path).data.decode(errors="replace").splitlines()
    kept = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for instance in done:
        for name, _ in _files(instance):
            if name in digests and kept.get(name, digests[name]) != digests[name]:
                raise InvalidInput(
                    f"{name} is not the file that {instance.onnx}, {instance.vnnlib} has a result for (its SHA-256 "
                    f"is not the one in {path}). Put the old file back, or begin new results."
                )
    return kept


def titles(asked: Collection[Instance]) -> dict[tuple[str, str], str]:
    """What the counterexamples of instances are called: the stems of their files, numbered where these are taken."""
    found: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for instance in asked:
        title, number = instance.title, 1
        while title in taken:
            number += 1
            title = f"{instance.title}-{number}"
        taken.add(title)
        found[instance.key] = title
    return found


def _files(instance: Instance) -> list[tuple[str, Path]]:
    try:
        paths = [instance.query, *instance.networks.values()]
    except InvalidInput:  # its result is an error
        return []
    return [(os.path.relpath(path, instance.folder), path) for path in paths]


def _digest(path: Path) -> str | None:
    try:
        with files.find(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (InvalidInput, OSError):
        return None
