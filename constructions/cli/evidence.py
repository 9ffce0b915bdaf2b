"""Claims and what their checks found, on a terminal."""

import shutil
import textwrap

from constructions.theorem import Construction, Evidence, Proved, Refuted, Undecided

_HANG = 10
"""How far everything but the verdict stands to the right."""


def report(construction: Construction) -> bool:
    """Checks every claim, prints a line or two each, and says whether all of them are proved."""
    theorem, sound = construction.theorem, True
    source = f"{theorem.source.key}, {theorem.source.place}; {theorem.tag.value}"
    _print(f"{theorem.name} ({source}): {theorem.statement}", "")
    for claim in construction.claims:
        evidence = claim.check()
        sound &= isinstance(evidence, Proved)
        basis = f"{claim.tag.value}, {claim.entry}" if claim.entry else claim.tag.value
        _print(f"{_mark(evidence)} {claim.name}: {claim.statement} [{basis}]", "  ", hang=_HANG)
        _print(_found(evidence), " " * (2 + _HANG))
    return sound


def _print(text: str, indent: str, *, hang: int = 0) -> None:
    """Folds a sentence to the terminal."""
    width = max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
    fold = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent=indent + " " * hang)
    fold.break_long_words = fold.break_on_hyphens = False
    print(fold.fill(text), flush=True)


def _mark(evidence: Evidence) -> str:
    match evidence:
        case Proved():
            return "proved   "
        case Refuted():
            return "FALSE    "
        case Undecided():
            return "undecided"


def _found(evidence: Evidence) -> str:
    match evidence:
        case Proved(method, found):
            return f"{found}; {method}"
        case Refuted(method, counterexample):
            return f"{counterexample}; {method}"
        case Undecided(reason):
            return reason
