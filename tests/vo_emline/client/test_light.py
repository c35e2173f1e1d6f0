"""What asking a service does not load, and that no module of the client leads back to itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {
    "asdf", "astropy", "duckdb", "httpx", "jax", "matplotlib", "pandas", "pyarrow", "pyvo", "scipy",
    "vo_emline.candidates", "vo_emline.measure", "vo_emline.preprocess", "vo_emline.runs",
    "vo_emline.simulate", "vo_emline.spectra", "vo_emline.survey", "vo_emline.training",
}  # fmt: skip
HEAVIER = HEAVY | {"importlib.metadata", "numpy", "requests", "tqdm"}


def loaded(code: str, among: set[str]) -> list[str]:
    """Run a program; give those of the modules that it has loaded in the end."""
    program = f"import sys\n{code}\nprint(*sorted({among!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1].split()


def test_a_query_is_light(service_url: str) -> None:
    code = (
        "import vo_emline as ve\n"
        f"found = ve.connect({service_url!r}).search('98.568 2.508', radius='5 arcmin')\n"
        "assert len(found) == 2; print(found, found[0], found.to_csv(), found.client.describe())"
    )
    assert loaded(code, HEAVY) == []


def test_the_command_query_is_light(service_url: str) -> None:
    arguments = ["query", "--service", service_url, "--label", "double-peak"]
    assert loaded(f"from vo_emline.cli import app; app({arguments}, standalone_mode=False)", HEAVY) == []


@pytest.mark.parametrize(
    "arguments", [["cache", "info"], ["--help"], ["query", "--help"], ["show", "--help"]]
)
def test_what_asks_nobody_is_lighter_still(arguments: list[str]) -> None:
    assert loaded(f"from vo_emline.cli import app; app({arguments}, standalone_mode=False)", HEAVIER) == []


def test_pyvo_is_there_when_it_is_wanted(service_url: str) -> None:
    query = "SELECT TOP 1 ra FROM emline.scores"
    code = f"import vo_emline as ve; assert len(ve.connect({service_url!r}).tap.search({query!r})) == 1"
    assert loaded(code, {"pyvo"}) == ["pyvo"]


def imports(path: Path, package: str) -> set[str]:
    """Modules of a package that a module imports at any depth, type checking included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(package):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("package", ["vo_emline.net", "vo_emline.archives", "vo_emline.client"])
def test_no_module_leads_back_to_itself(package: str) -> None:
    folder = ROOT.joinpath(*package.split("."))
    paths = [path for path in folder.rglob("*.py") if path.stem != "__init__"]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}
    graph = {name: imports(path, package) & set(names.values()) for path, name in names.items()}
    while leaves := [name for name, needed in graph.items() if not needed & set(graph)]:
        for name in leaves:
            del graph[name]
    assert not graph, f"a circle among {', '.join(graph)}"
