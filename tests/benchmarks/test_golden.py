import re
from pathlib import Path

import pytest

from benchmarks import golden
from certify.errors import InvalidInput

REFERENCES = Path(__file__).resolve().parents[2] / "docs" / "references.bib"


def origins() -> list[golden.Origin]:
    curves = [golden.curve(name).origin for name in golden.names("curve")]
    return curves + [golden.interval(name).origin for name in golden.names("interval")]


@pytest.mark.parametrize("origin", origins(), ids=lambda origin: origin.place)
def test_every_published_number_names_a_paper_of_the_references_a_place_in_it_and_how_it_was_read(
    origin: golden.Origin,
) -> None:
    keys = re.findall(r"^@\w+\{(\w+),", REFERENCES.read_text(encoding="utf-8"), re.MULTILINE)
    assert origin.paper in keys
    assert re.search(r"(Figure|Table) \d", origin.place)
    assert origin.reading


@pytest.mark.parametrize("name", golden.names("curve"))
def test_published_curves_rise_in_the_radius_and_fall_in_the_accuracy(name: str) -> None:
    curve = golden.curve(name)
    assert list(curve.x) == sorted(set(curve.x))
    assert list(curve.y) == sorted(curve.y, reverse=True)
    assert len(curve.x) == len(curve.y)
    assert all(0 <= y <= 100 for y in curve.y)


def test_a_published_value_is_found_at_its_own_place_and_nowhere_else() -> None:
    curve = golden.curve("synthetic-2")
    assert curve.at(16) == 32
    assert curve.at(17) is None


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no published curve 'mnist'.*mnist-2"):
        golden.curve("mnist")
    with pytest.raises(InvalidInput, match=r"no published interval 'x'.*synthetic-2-own"):
        golden.interval("x")
