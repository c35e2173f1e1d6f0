"""The documentation as a searchable site: ``make site``.

The pages are the Markdown files beside this one, readable as they are; the
reference of the Python API follows from the docstrings of every public name.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import vo_emline

project = "vo-emline"
author = "the vo-emline developers"
copyright = f"2026, {author}"  # noqa: A001  Sphinx's own name
version = release = vo_emline.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "conf.py", "generate.py"]

# the site is built without a network; who has one sets the inventories to resolve the names of other packages
intersphinx_mapping: dict[str, Any] = {}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests run the notebook
suppress_warnings = [
    "myst.xref_missing",  # pages link to files of the repository, which tests/test_docs.py holds to exist
    "mystnb.unknown_mime_type",
]

autodoc_typehints = "none"  # the signatures stand in the source, one click away
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

rst_prolog = r".. |EW| replace:: \|EW\|"  # an absolute value, not a substitution

html_theme = "pydata_sphinx_theme"
html_title = "vo-emline"
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": True,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_show_sourcelink = False

API = Path(__file__).parent / "api"
PACKAGE = Path(vo_emline.__file__).parent


def packages() -> list[str]:
    """Name every package below ``vo_emline``."""
    return [f"vo_emline.{path.parent.name}" for path in sorted(PACKAGE.glob("*/__init__.py"))]


def homes(package: str) -> dict[str, str]:
    """Tell where each public name of a package is defined, from the text: many are imported when used."""
    module = import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: imported.get(name, f"{package}.{name}") for name in getattr(module, "__all__", ())}


def entry(home: str) -> str:
    """Give the directive that documents a name."""
    module, _, name = home.rpartition(".")
    found = getattr(import_module(module), name)
    if isinstance(found, type):
        return f".. autoclass:: {home}\n   :members:"
    return f".. autofunction:: {home}" if callable(found) else f".. autodata:: {home}\n   :no-value:"


def heading(text: str) -> str:
    """Underline a title."""
    return f"{text}\n{'=' * len(text)}"


def write_reference(_app: object) -> None:
    """Write a page for each package: its docstring, then every public name from where it is defined."""
    API.mkdir(exist_ok=True)
    first = ", ".join(f":obj:`~{home}`" for name, home in homes("vo_emline").items() if name[0] != "_")
    index = [
        heading("Python API"),
        f"``import vo_emline as ve`` gives the names one starts with: {first}.",
        "Every public name of every package follows; what is not listed may change without notice.",
        ".. toctree::\n   :maxdepth: 1\n\n" + "\n".join(f"   {package}" for package in packages()),
    ]
    (API / "index.rst").write_text("\n\n".join(index) + "\n", encoding="utf-8")
    for package in packages():
        page = [heading(f"``{package}``"), f".. automodule:: {package}\n   :no-members:"]
        page += [entry(home) for home in homes(package).values()]
        (API / f"{package}.rst").write_text("\n\n".join(page) + "\n", encoding="utf-8")


def setup(app: Any) -> None:
    """Write the reference before anything is read."""
    app.connect("builder-inited", write_reference)
