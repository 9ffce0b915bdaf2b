"""Who may import whom: the contracts in pyproject.toml hold, and the cheap imports stay cheap."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_import_contracts_hold() -> None:
    program = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert program, "import-linter belongs to the dev extra"
    result = subprocess.run([program, "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_certify_loads_neither_numpy_nor_torch() -> None:
    result = fresh("import sys, certify; print([m for m in ('numpy', 'torch', 'scipy') if m in sys.modules])")
    assert result.stdout.strip() == "[]", result.stderr


def test_the_vocabulary_loads_no_torch() -> None:
    words = "certify.network, certify.region, certify.query, certify.outcome, certify.errors, certify.deadline"
    result = fresh(f"import sys, {words}, certify.rounding, certify.exact; print('torch' in sys.modules)")
    assert result.stdout.strip() == "False", result.stderr


def test_importing_the_bounders_and_attacks_leaves_auto_lirpa_alone() -> None:
    result = fresh("import sys, certify.bounders.auto_lirpa, certify.radius; print('auto_LiRPA' in sys.modules)")
    assert result.stdout.strip() == "False", result.stderr


def test_one_file_imports_each_optional_package() -> None:
    homes: dict[str, set[str]] = {
        "auto_LiRPA": set(),
        "cvxpy": set(),
        "pyscipopt": set(),
        "maraboupy": set(),
        "dask": set(),
    }
    for path in sorted(
        p for package in ("certify", "constructions", "bounds", "benchmarks") for p in (ROOT / package).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                homes.get(name.split(".")[0], set()).add(path.relative_to(ROOT).as_posix())
    assert all(len(files) <= 1 for files in homes.values()), homes
