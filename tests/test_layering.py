"""The flow of the design holds: a package imports only what its graph allows, and no graph has a circle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = ("arrays", "errors", "labels", "lazy", "rejects", "tables", "files", "progress", "rundir", "settings")
"""Modules of `vo_emline` that every package may import, and that import only each other."""

VO_EMLINE: Mapping[str, tuple[str, ...]] = {
    "net": (),
    "archives": ("net",),
    "spectra": (),
    "preprocess": ("spectra",),
    "measure": ("spectra", "preprocess"),
    "simulate": ("spectra", "preprocess", "measure"),
    "training": ("spectra", "preprocess", "measure", "simulate"),
    "candidates": ("spectra", "preprocess", "measure"),
    "survey": ("spectra", "preprocess", "measure", "simulate", "training", "candidates"),
    "plots": ("spectra", "preprocess"),
    "evaluate": ("spectra", "preprocess", "measure", "simulate", "training", "candidates", "survey", "plots"),
    "labelling": ("spectra", "preprocess", "measure", "training", "candidates", "survey", "evaluate"),
    "runs": (
        "net", "archives", "spectra", "preprocess", "measure", "simulate", "training", "candidates", "survey",
        "plots", "evaluate", "labelling",
    ),
    "client": ("net", "spectra", "candidates", "plots", "labelling"),
    "demo": ("net", "archives", "spectra", "measure", "simulate", "training", "candidates", "survey", "runs"),
    "cli": (
        "net", "archives", "spectra", "preprocess", "measure", "training", "candidates", "survey", "plots",
        "evaluate", "labelling", "runs", "client", "demo",
    ),
}  # fmt: skip
"""What each package of `vo_emline` may import."""

SHARED = (
    "errors",
    "config",
    "urls",
    "xml",
    "logs",
    "parameters",
    "assets",
    "pages",
    "deadline",
    "nursery",
    "files",
    "supervisor",
    "metrics",
    "processes",
    "pool",
    "scratch",
    "spool",
    "connections",
)
"""Modules of `service` that every package may import, and that import only each other."""

SERVICE: Mapping[str, tuple[str, ...]] = {
    "adql": (),
    "store": ("adql",),
    "formats": (),
    "slots": (),
    "uws": (),
    "finished": ("store",),
    "origin": ("store",),
    "context": ("store", "slots", "finished", "origin"),
    "middleware": ("formats", "context"),
    "clients": ("context",),
    "products": ("store", "formats", "context", "middleware", "clients"),
    "datalink": ("store", "formats", "context", "middleware", "clients", "products"),
    "ssa": ("store", "formats", "context", "middleware", "clients", "products", "datalink"),
    "tap": ("adql", "store", "formats", "slots", "uws", "origin", "context", "middleware", "clients"),
    "scs": ("formats", "clients", "tap"),
    "vosi": ("adql", "store", "formats", "uws", "context", "middleware", "datalink", "scs", "ssa", "tap"),
    "web": ("store", "formats", "slots", "finished", "context", "middleware", "clients", "products", "tap"),
    "labelling": ("store", "formats", "context", "middleware", "clients", "products", "tap", "web"),
    "monitor": ("context", "tap", "uws"),
    "registry": ("store", "datalink", "scs", "tap", "vosi", "web"),
    "app": (
        "monitor", "registry", "store", "formats", "slots", "finished", "uws", "context", "middleware",
        "clients", "products", "datalink", "scs", "ssa", "tap", "vosi", "web", "labelling",
    ),
    "server": ("store", "app"),
    "folder": (),
    "adql_command": ("adql", "store"),
    "operating": (),
    "label_command": ("store", "labelling", "app", "server"),
    "registry_command": ("store", "registry"),
    "label_data_command": ("store", "labelling", "app", "server", "label_command"),
    "cli": (
        "operating", "adql_command", "label_command", "label_data_command", "registry_command", "server",
        "folder",
    ),
    "__main__": ("cli",),
}  # fmt: skip
"""What each package or module of `service` may import."""

GRAPHS = {"vo_emline": (VO_EMLINE, BASE), "service": (SERVICE, SHARED)}
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


def part(module: str) -> str:
    """The package or module of the first level that a module belongs to."""
    names = module.split(".")
    return names[1] if len(names) > 1 else ""


def modules(top: str) -> list[Path]:
    return sorted(path for path in (ROOT / top).rglob("*.py") if path != ROOT / top / "__init__.py")


@pytest.mark.parametrize(
    "path", [*modules("vo_emline"), *modules("service")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_package_imports_only_what_its_graph_allows(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    top, own = module.split(".")[0], part(module)
    graph, base = GRAPHS[top]
    allowed = base if own in base else (*base, own, *graph.get(own, tuple(graph)))
    for name in imported_modules(path):
        assert top == "service" or name.split(".")[0] != "service", f"{path} imports the service"
        if name.startswith(f"{top}."):
            assert part(name) in allowed, f"{module} imports {name}"


@pytest.mark.parametrize("top", GRAPHS)
def test_a_graph_has_no_circle_and_names_what_is_there(top: str) -> None:
    graph, base = GRAPHS[top]
    assert set(TopologicalSorter(graph).static_order()) == set(graph)
    packages = {path.parent.name for path in (ROOT / top).glob("*/__init__.py")}
    assert packages == {name for name in graph if (ROOT / top / name).is_dir()}
    single = {path.stem for path in (ROOT / top).glob("*.py")}
    assert single - {"__init__", "__main__"} == {*base, *graph} - packages - {"__main__"}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vo_emline.cli import app; app(['--help'], standalone_mode=False);"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_shapes_are_of_arrays_themselves() -> None:
    """NDArray of numpy 2.5 and newer, for Python 3.12 and newer, is an alias that jaxtyping does not take."""
    shaped = re.compile(r"\b(?:Bool|Float|Int|UInt|Shaped|Num)\d*\[\s*(?:npt\.)?NDArray")
    sources = [*(ROOT / "vo_emline").rglob("*.py"), *(ROOT / "service").rglob("*.py")]
    assert [str(path) for path in sources if shaped.search(path.read_text(encoding="utf-8"))] == []
