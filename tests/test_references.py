"""What docstrings and pages cite is in the bibliography."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIBLIOGRAPHY = ROOT / "docs" / "references.bib"
CITATION = re.compile(r"\b[a-z]{2,}(?:19|20)\d\d[a-z]?\b")
IN_BRACKETS = re.compile(rf"\(({CITATION.pattern})(?=[,)])")  # pages also name folders
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def entries() -> dict[str, str]:
    """The entries of the bibliography by key."""
    parts = re.split(r"^@\w+\{", BIBLIOGRAPHY.read_text(), flags=re.MULTILINE)[1:]
    return dict(part.split(",", 1) for part in parts)


def docstrings(path: Path) -> str:
    nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, DOCUMENTED))
    return "\n".join(ast.get_docstring(node) or "" for node in nodes)


def cited() -> set[tuple[str, str]]:
    """(file, key) for each key in a docstring of a package or on a page."""
    sources = [path for package in ("certify", "constructions", "bounds") for path in (ROOT / package).rglob("*.py")]
    pages = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    found = [(path, key) for path in sources for key in CITATION.findall(docstrings(path))]
    found += [(path, key) for path in pages for key in IN_BRACKETS.findall(path.read_text())]
    return {(path.relative_to(ROOT).as_posix(), key) for path, key in found}


def test_every_citation_has_an_entry_in_the_bibliography() -> None:
    known = entries()
    assert {key for _, key in cited()} > {"zhang2018", "higham2002"}
    assert sorted((place, key) for place, key in cited() if key not in known) == []


def test_no_key_of_the_bibliography_is_used_twice() -> None:
    keys = re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY.read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("key", entries())
def test_an_entry_says_who_what_and_when(key: str) -> None:
    fields = set(re.findall(r"^\s*(\w+)\s*=", entries()[key], re.MULTILINE))
    assert {"author", "title", "year"} <= fields
    assert key == "cgro" or re.search(r"year\s*=\s*\{(\d{4})\}", entries()[key])[1] in key
