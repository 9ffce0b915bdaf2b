"""``python -m bounds show``."""

import argparse

from bounds.entry import Entry
from bounds.symbols import letters
from bounds.theorems import catalogue

_RELATIONS = {"upper": "at most", "lower": "at least", "exact": "exactly"}


def run(options: argparse.Namespace) -> None:
    """Prints everything that is known about an entry."""
    print(described(catalogue[options.entry]))


def described(entry: Entry) -> str:
    """The entry in lines of ``name  text``."""
    lines = [
        ("id", entry.id),
        ("statement", entry.statement),
        (
            "quantity",
            f"{entry.quantity}: {'of order' if entry.asymptotic else _RELATIONS[entry.side.value]} the formula",
        ),
        ("formula", entry.formula()),
        ("latex", entry.latex()),
        ("norm", entry.norm),
        *(("needs", f"{h.words}: {h.condition}") for h in entry.hypotheses),
        *(("letter", _letter(entry, name)) for name in sorted(map(str, entry.letters), key=list(letters).index)),
        ("speaks of", entry.scope.value),
        ("rests on", entry.tag.value),
        ("source", f"{entry.source.key}, {entry.source.place} (docs/references.bib)"),
        ("proof", f"docs/bounds-proofs.md#{entry.proof}" if entry.proof else ""),
        ("known defect", entry.defect),
        ("explicit", entry.explicit.id if entry.explicit else ""),
    ]
    return "\n".join(f"{name:<12}  {text}" for name, text in lines if text)


def _letter(entry: Entry, name: str) -> str:
    letter = letters[name]
    default = entry.where.get(letter.symbol)
    return f"{name}: {letter.meaning}, {letter.domain}" + ("" if default is None else f"; unless set, {default}")
