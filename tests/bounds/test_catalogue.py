"""What every entry has, and that the docs say the same as the catalogue."""

import re
from pathlib import Path

import sympy as sp

import bounds
from bounds.entry import Entry, Scope, Side, Tag
from bounds.page import catalogue_page
from bounds.symbols import letters

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = list(bounds.catalogue.values())


def test_every_entry_is_complete() -> None:
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z0-9][a-zA-Z0-9.\-]*", entry.id), entry.id
        assert len(entry.statement) > 20, entry.id
        assert entry.quantity, entry.id
        assert entry.source.place, entry.id
        assert isinstance(entry.expression, sp.Expr), entry.id
        assert entry.norm in ("any", "1", "2", "inf", "2 or inf"), entry.id


def test_every_letter_is_declared_once_with_its_assumptions() -> None:
    for entry in ENTRIES:
        for letter in entry.letters:
            assert letters[str(letter)].symbol == letter, (entry.id, letter)


def test_every_source_is_in_the_bibliography() -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "docs/references.bib").read_text(), re.MULTILINE))
    assert {entry.source.key for entry in ENTRIES} <= keys


def test_every_derived_entry_has_a_proof_on_the_page() -> None:
    sections = set(re.findall(r"^## (\S+)$", (ROOT / "docs/bounds-proofs.md").read_text(), re.MULTILINE))
    for entry in ENTRIES:
        assert entry.tag is not Tag.DERIVED or entry.proof, entry.id
        assert not entry.proof or entry.proof in sections, (entry.id, entry.proof)
    assert sections <= {entry.proof for entry in ENTRIES}


def test_the_page_of_the_docs_is_the_catalogue() -> None:
    assert (ROOT / "docs/bounds-catalogue.md").read_text() == catalogue_page(ENTRIES)


def test_what_is_unverified_or_wrong_as_printed_says_so() -> None:
    for entry in ENTRIES:
        assert entry.tag is not Tag.UNVERIFIED or entry.defect or entry.source.key == "li2025", entry.id
    for theorem in (
        "thm-2.3.lower",
        "thm-4.3.lower",
        "lemma-5.6.upper",
        "thm-5.8.lower",
        "thm-4.6.radius",
        "thm-3.3.upper",
    ):
        assert bounds.catalogue[theorem].defect, theorem


def test_an_explicit_form_is_on_the_same_side_as_its_order() -> None:
    found = [entry for entry in ENTRIES if entry.explicit is not None]
    assert len(found) >= 8
    for entry in found:
        assert entry.asymptotic, entry.id
        assert entry.explicit is not None
        assert entry.explicit.id in bounds.catalogue.entries, entry.id
        assert entry.explicit.side in (entry.side, Side.EXACT) or entry.id.endswith("thm-4.7.radius"), entry.id


def test_lower_bounds_on_size_speak_of_the_worst_case_or_of_a_class() -> None:
    for entry in ENTRIES:
        if entry.side is Side.LOWER and "parameters" in entry.quantity:
            assert entry.scope is not Scope.THIS_DATA, entry.id


def test_hypotheses_say_in_words_what_they_require() -> None:
    for entry in ENTRIES:
        for hypothesis in entry.hypotheses:
            assert len(hypothesis.words) > 3, entry.id
            assert isinstance(hypothesis.condition, sp.logic.boolalg.Boolean), entry.id


def test_holds_if_is_the_conjunction_of_the_hypotheses() -> None:
    entry: Entry = bounds.catalogue["hinge-bumps-scan.nnz"]
    eps, delta, S, n = (letters[name].symbol for name in ("eps", "delta", "S", "n"))
    assert entry.holds_if == sp.And(delta < eps, S >= 2, n >= S)


def test_an_entry_shows_its_formula_in_a_notebook() -> None:
    shown = bounds.catalogue["voronoi.margin"]._repr_latex_()  # pyright: ignore[reportPrivateUsage]
    assert shown == r"$\displaystyle 4 \varepsilon \left(- \delta + \varepsilon\right)$"
