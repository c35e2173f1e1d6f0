"""The flow of the design holds: a package imports only what stands to its left."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = ("arrays", "errors", "labels", "rejects", "tables", "files", "progress", "rundir", "settings")
PACKAGES = (
    "net", "archives", "spectra", "preprocess", "measure", "simulate", "training",
    "candidates", "survey", "plots", "evaluate", "runs", "client", "demo", "cli",
)  # fmt: skip
HEAVY = ("jax", "flax", "optax", "orbax", "matplotlib", "duckdb", "sklearn", "imblearn", "astropy", "pyvo")


def imported_modules(path: Path) -> set[str]:
    """Every absolute module name that a file imports, at any depth, run-time strings excluded."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rank(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    if part in BASE:
        return 0
    return PACKAGES.index(part) + 1 if part in PACKAGES else len(PACKAGES) + 1


@pytest.mark.parametrize(
    "path", sorted((ROOT / "vo_emline").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_package_imports_only_to_its_left(path: Path) -> None:
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for name in imported_modules(path):
        assert name.split(".")[0] != "service", f"{path} imports the service"
        if name.startswith("vo_emline.") and path.name != "__main__.py" and path.parent.name != "vo_emline":
            assert rank(name) <= rank(own), f"{own} imports {name}, which stands to its right"


def test_every_package_is_ranked() -> None:
    found = {path.parent.name for path in (ROOT / "vo_emline").glob("*/__init__.py")}
    assert found == set(PACKAGES)
    modules = {path.stem for path in (ROOT / "vo_emline").glob("*.py")}
    assert modules == {*BASE, "__init__", "__main__"}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vo_emline.cli import app; app(['--help'], standalone_mode=False);"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
