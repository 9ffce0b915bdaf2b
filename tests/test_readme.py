"""What the README shows works: its Python runs and prints what is printed, its options, files and links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from certify.cli import demo, inspect, radii
from certify.radius import METHODS
from constructions import catalogue
from constructions.cli import build
from constructions.cli.main import main as constructions_main

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BUILD = build.parser(catalogue.family("hinge-bumps"))
PARSERS = [*(made.parser() for made in (radii, inspect, demo)), BUILD]
OPTIONS = {option for parser in PARSERS for option in parser._option_string_actions}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_python_example_prints_the_brackets_that_stand_below_it(tmp_path: Path) -> None:
    (code,) = blocks("python")
    shown = TEXT.split(code)[1].split("```\n")[2]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    pattern = re.compile(r"(\w+): ([\d.]+) <= r\* <= ([\d.]+), rounded, by \w+")
    found, printed = pattern.findall(result.stdout), pattern.findall(shown)
    assert [line[0] for line in found] == [line[0] for line in printed]
    numbers = [[float(n) for line in lines for n in line[1:]] for lines in (found, printed)]
    assert len(numbers[1]) == 4
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02)


def test_the_construction_in_the_readme_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (shown,) = [block for block in blocks("") if "constructions build memorizer" in block]
    command, *lines = shown.splitlines()
    assert constructions_main(command.split()[4:]) == 0
    printed = capsys.readouterr().out.splitlines()
    cut = lines.index("  ...")
    assert lines[:cut] == printed[:cut]
    assert lines[cut + 1 :] == printed[-1:]


def test_every_option_in_the_readme_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", TEXT))
    assert len(named) > 10
    assert named <= OPTIONS


def test_the_table_of_methods_is_complete() -> None:
    table = TEXT.split("| method |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) == set(METHODS)


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+) +#", TEXT)) <= targets


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    files = [link for link in links if "://" not in link]
    assert [link for link in files if not (page.parent / link).exists()] == []


def test_the_theorems_front_page_names_every_family() -> None:
    page = (ROOT / "docs" / "theorems" / "README.md").read_text()
    table = page.split("| page |")[1].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z-]+)`", row.split("|")[3])]
    assert sorted(named) == sorted(catalogue.names())
