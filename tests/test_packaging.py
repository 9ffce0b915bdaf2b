"""The wheel holds what is installed and nothing else, and works outside the source tree."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("certify", "bounds", "constructions", "benchmarks", "tests", "pyproject.toml", "LICENSE", "README.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built without the network from a copy, so that no build output lands in the source tree."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    return target


def outside(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the installed wheel first on its path, started in an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_the_wheel_holds_every_module_of_three_packages_and_no_other(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    packages = ("certify", "bounds", "constructions")
    modules = {p.relative_to(ROOT).as_posix() for package in packages for p in (ROOT / package).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    assert {name.split("/")[0] for name in names} == set(packages)
    assert {f"{package}/py.typed" for package in packages} <= names


def test_the_wheel_carries_the_licence_and_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    texts = {name.split("/", 1)[1]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert texts["licenses/LICENSE"] == (ROOT / "LICENSE").read_text()
    assert "relucert = certify.cli.main:main" in texts["entry_points.txt"]


@pytest.mark.parametrize("package", ["certify", "bounds", "constructions"])
def test_an_installed_package_is_the_one_that_is_imported(installed: Path, tmp_path: Path, package: str) -> None:
    result = outside(installed, tmp_path, "-c", f"import {package}; print({package}.__file__)")
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_relative_to(installed)


def test_the_installed_command_line_explains_itself(installed: Path, tmp_path: Path) -> None:
    result = outside(installed, tmp_path, "-m", "certify", "--help")
    assert result.returncode == 0, result.stderr
    assert "usage" in result.stdout.lower()


def test_the_installed_package_certifies_a_radius(installed: Path, tmp_path: Path) -> None:
    code = (
        "import numpy as np; from certify import Affine, Network, Norm\n"
        "from certify.query import robustness; from certify.deadline import Deadline\n"
        "from certify.bounders.crown import CrownBounder\n"
        "net = Network.chain([Affine(np.array([[3.0, -4.0]]), np.array([2.0]))])\n"
        "queries = robustness(net, np.zeros((1, 2)), [1], norm=Norm.L2, radius=1.0)\n"
        "print(CrownBounder(net).bound(queries, Deadline.never()).radius[0])"
    )
    result = outside(installed, tmp_path, "-c", code)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == pytest.approx(0.4, rel=1e-4)
