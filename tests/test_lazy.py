"""Packages whose names are imported on first use offer to programs what they offer to type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "vo_emline"
LAZY = sorted(path.parent for path in ROOT.rglob("__init__.py") if "lazily(" in path.read_text())


@pytest.mark.parametrize("folder", LAZY, ids=lambda folder: folder.name)
def test_names_are_those_that_type_checkers_see(folder: Path) -> None:
    tree = ast.parse((folder / "__init__.py").read_text())
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: str(node.module) for node in imported for alias in node.names}
    package = import_module(f"vo_emline.{folder.name}")
    assert sorted(seen) == dir(package)
    for name, module in seen.items():
        assert getattr(package, name) is getattr(import_module(module), name)
    # a module of the package would hide a name that is its own, once it is imported
    assert not {path.stem for path in folder.iterdir()} & set(seen)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = package.nonsense


def test_what_commands_need_at_first_loads_nothing_heavy() -> None:
    heavy = {"jax", "pandas", "scipy.optimize", "scipy.ndimage", "astropy.units", "astropy.io.fits", "duckdb"}
    code = (
        "import sys, vo_emline.candidates.output, vo_emline.survey.work, vo_emline.survey.pool;"
        f"sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
