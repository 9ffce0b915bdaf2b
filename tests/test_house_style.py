"""The limits that keep the code readable, checked on the syntax tree of every file."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("certify", "constructions", "bounds", "benchmarks", "tests")
DOCUMENTED = ("certify", "constructions", "bounds")
ENTRANCES = ("cli", "report", "api.py")  # the command line, what it writes, and its counterpart in Python

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) else 0)


def parameters(function: Function) -> list[str]:
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def style_faults(text: str, name: str) -> list[str]:
    """What breaks the limits in one file: too long, too many parameters, words and forms that are not used here."""
    tree = ast.parse(text)
    faults = [f"{name}: {n} lines, at most 400" for n in [len(text.splitlines())] if n > 400]
    for function in functions(tree):
        place = f"{name}:{function.lineno} {function.name}"
        if body_lines(function) > 50:
            faults.append(f"{place}: {body_lines(function)} lines without its docstring, at most 50")
        if len(parameters(function)) > 6 and not name.startswith("tests/"):  # fixtures are parameters too
            faults.append(f"{place}: {len(parameters(function))} parameters, at most 6")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in ("NotImplementedError", "hasattr"):
            faults.append(f"{name}:{node.lineno}: {node.id}")
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            faults.append(f"{name}:{node.lineno}: import *")
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Handler|Utils)$", node.name):
            faults.append(f"{name}:{node.lineno}: a class is named after what it means, not {node.name}")
    words = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X"))  # split, for this file is read too
    faults += [f"{name}:{i}: {line.strip()}" for i, line in enumerate(text.splitlines(), 1) if re.search(words, line)]
    return faults


def undocumented(tree: ast.Module) -> Iterator[ast.AST]:
    """The module, and its public classes, functions and methods that have no docstring of their own."""
    if tree.body and not ast.get_docstring(tree):
        yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node
            yield from (f for f in node.body if isinstance(f, Function) and lacks_docstring(f, node))
        elif isinstance(node, Function) and lacks_docstring(node, None):
            yield node


def lacks_docstring(function: Function, owner: ast.ClassDef | None) -> bool:
    """Whether it is public, undocumented, and not the override of a base class's documented method."""
    if function.name.startswith("_") or ast.get_docstring(function):
        return False
    if any(isinstance(d, ast.Name) and d.id == "overload" for d in function.decorator_list):
        return False
    bases = base_names(owner) if owner else []
    return not any(function.name in documented_abstract_methods().get(base, set()) for base in bases)


@functools.cache
def documented_abstract_methods() -> dict[str, set[str]]:
    """For each class of the packages its abstract methods (a base's included) that have a docstring."""
    trees = [ast.parse(path.read_text()) for path in sources(*DOCUMENTED)]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    documented: dict[str, set[str]] = {}
    for node in classes:
        own = (f for f in node.body if isinstance(f, Function) and ast.get_docstring(f))
        documented.setdefault(node.name, set()).update(f.name for f in own if "abstractmethod" in ast.dump(f))
    for node in classes:
        documented[node.name].update(*(documented.get(base, set()) for base in base_names(node)))
    return documented


def base_names(node: ast.ClassDef) -> list[str]:
    return [base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases]


def side_effects(tree: ast.AST) -> Iterator[str]:
    """What reads the clock, the environment or argv, or prints."""
    forbidden = {"os.environ", "os.getenv", "sys.argv", "sys.stdout", "sys.stderr", "datetime.now", "date.today"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input"):
            yield f"line {node.lineno}: {node.func.id}("
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in forbidden or node.value.id == "time":
                yield f"line {node.lineno}: {name}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield f"line {node.lineno}: from time import"


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=named)
def test_a_file_keeps_the_limits_of_length_and_uses_no_forbidden_form(path: Path) -> None:
    assert style_faults(path.read_text(), named(path)) == []


@pytest.mark.parametrize("path", sources(*DOCUMENTED), ids=named)
def test_everything_public_has_a_docstring(path: Path) -> None:
    bare = [getattr(node, "name", "the module") for node in undocumented(ast.parse(path.read_text()))]
    assert bare == []


@pytest.mark.parametrize(
    "path", [p for p in sources("certify") if p.relative_to(ROOT / "certify").parts[0] not in ENTRANCES], ids=named
)
def test_nothing_below_the_command_line_prints_or_reads_clock_or_environment(path: Path) -> None:
    assert list(side_effects(ast.parse(path.read_text()))) == []


def test_the_architecture_map_names_every_module_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    block = text.split("<!-- map -->")[1]
    mapped = set(re.findall(r"^\| `([\w/]+\.py)`", block, re.MULTILINE))
    existing = {
        named(p) for p in sources("certify", "constructions", "bounds", "benchmarks") if p.name != "__init__.py"
    }
    assert mapped == existing


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\n" * 401, "401 lines"),
        ("def f():\n" + "    x = 1\n" * 51, "52 lines"),
        ("def f(self, a, b, c, d, *, e, f, g): pass", "7 parameters"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("hasattr(1, 'a')", "hasattr"),
        ("from os import *", "import *"),
        ("class FileManager: pass", "FileManager"),
        ("# TO" + "DO later", "later"),
    ],
)
def test_a_breach_of_a_limit_is_noticed(text: str, fault: str) -> None:
    faults = style_faults(text, "sample.py")
    assert len(faults) == 1
    assert fault in faults[0]


@pytest.mark.parametrize(
    "text",
    ["print(1)", "import time\ntime.time()", "from time import time", "os.environ['A']", "sys.argv", "os.getenv('A')"],
)
def test_a_hidden_input_or_output_is_noticed(text: str) -> None:
    assert len(list(side_effects(ast.parse(text)))) == 1


def test_a_missing_docstring_is_noticed_and_an_override_needs_none() -> None:
    text = '"""M."""\nclass A(LinearMap):\n    """A."""\n    def apply(self): pass\n    def other(self): pass\n'
    assert [getattr(n, "name", "") for n in undocumented(ast.parse(text))] == ["other"]
