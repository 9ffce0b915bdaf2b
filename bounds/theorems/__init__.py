"""The catalogue: every quantitative statement by its id, or by any unambiguous end of it (``hinge-bumps.nnz``)."""

import dataclasses as dc
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from bounds.entry import Entry
from bounds.errors import UnknownEntry
from bounds.theorems import (
    averaging,
    decoupled,
    feature_sizes,
    generalisation,
    manifolds,
    memorizers,
    related,
    robust_training,
    separable,
    training,
    vc,
    verification,
)

_FILES = (
    memorizers,
    robust_training,
    generalisation,
    separable,
    manifolds,
    vc,
    averaging,
    decoupled,
    feature_sizes,
    training,
    related,
    verification,
)


@dc.dataclass(frozen=True, slots=True)
class Catalogue(Mapping[str, Entry]):
    """Entries by id, in the order of the papers. Subscripting also accepts an end of an id that only one entry has."""

    entries: Mapping[str, Entry]

    def __getitem__(self, name: str) -> Entry:
        if name in self.entries:
            return self.entries[name]
        found = [entry for full, entry in self.entries.items() if full.endswith(f".{name}")]
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownEntry(
                f"{name!r} is the end of several entries: {', '.join(entry.id for entry in found)}. Write one in full."
            )
        near = get_close_matches(name, [*self.entries, *(full.split(".", 1)[1] for full in self.entries)], n=3)
        advice = f" Near: {', '.join(near)}." if near else ""
        raise UnknownEntry(f"No entry is called {name!r}.{advice} All names: python -m bounds list.")

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def _collected() -> Catalogue:
    entries: dict[str, Entry] = {}
    for file in _FILES:
        for entry in file.ENTRIES:
            assert entry.id not in entries, f"two entries are called {entry.id}"
            entries[entry.id] = entry
    return Catalogue(MappingProxyType(entries))


catalogue = _collected()
"""All entries."""
