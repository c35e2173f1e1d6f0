"""Write the reference pages that follow from the code: the tables, the commands and the settings.

``make docs`` runs it; a test fails when a page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
from pydantic import BaseModel

from service.config import Settings
from vo_emline.candidates import PUBLISHED
from vo_emline.cli import app
from vo_emline.runs.settings import RunSettings
from vo_emline.settings import TomlSettings
from vo_emline.survey import FLAGS
from vo_emline.tables import Column, Table

DOCS = Path(__file__).parent
WIDTH = 100
INTRODUCTION = """\
Made from `vo_emline/candidates/columns.py` by `make docs`. The same description makes the release file,
TAP_SCHEMA and the fields of every VOTable."""

SETTINGS_INTRODUCTION = """\
# The settings

Made from the code by `make docs`. The command line beats the environment, the environment beats the TOML
file given by `--config`, and the file beats the defaults. A name with a dot stands in a table of the file:
`training.epochs = 20` is `[training]` followed by `epochs = 20`. A setting that does not exist is refused by
its name."""
SETTINGS: tuple[tuple[str, str, type[TomlSettings]], ...] = (
    (
        "A run",
        "What `vo-emline run` and `train` can be told; `--config` with a run's `config.toml` repeats it.",
        RunSettings,
    ),
    (
        "The service",
        "What `vo-emline serve` can be told. `service/service.toml` is the same as a file to copy.",
        Settings,
    ),
)
"""Title, introduction and class of each table of settings."""


def tables_page() -> str:
    """Describe every published table and column."""
    parts = [
        "# The published tables",
        INTRODUCTION,
    ]
    for table in PUBLISHED:
        parts += [f"## `{table.qualified_name}`", f"{table.description}.", _columns(table)]
    flags = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in FLAGS.items())
    parts += ["## Flags", f"Words in the column `flags`.\n\n| flag | meaning |\n|---|---|\n{flags}"]
    return "\n\n".join(parts) + "\n"


def _columns(table: Table) -> str:
    head = "| column | type | unit | UCD | meaning |\n|---|---|---|---|---|"
    return "\n".join([head, *(_row(column) for column in table.columns)])


def _row(column: Column) -> str:
    kind = column.datatype + (f"({column.arraysize})" if column.arraysize else "")
    return f"| `{column.name}` | {kind} | {column.unit or ''} | {column.ucd or ''} | {column.description} |"


def commands_page() -> str:
    """Give the help of every command."""
    parts = ["# The commands", "Made from the code by `make docs`; `vo-emline COMMAND --help` says the same."]
    settings = {**app.context_settings, "max_content_width": WIDTH, "terminal_width": WIDTH}
    with click.Context(app, info_name="vo-emline", **settings) as context:
        parts += _help(app, context, 2)
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, context: click.Context, level: int) -> list[str]:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    parts = [f"{'#' * level} `{context.command_path}`", f"```text\n{text}\n```"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is None:
                raise LookupError(f"{context.command_path} lists {name} and has no such command")
            with click.Context(
                child, info_name=name, parent=context, max_content_width=WIDTH, terminal_width=WIDTH
            ) as inner:
                parts += _help(child, inner, level + 1)
    return parts


def settings_page() -> str:
    """Describe every setting of a run and of the service: default, environment variable, meaning."""
    parts = [SETTINGS_INTRODUCTION]
    for title, text, kind in SETTINGS:
        rows = "\n".join(_settings(kind, (), str(kind.model_config.get("env_prefix", ""))))
        head = "| setting | default | environment | meaning |\n|---|---|---|---|"
        parts += [f"## {title}", text, f"{head}\n{rows}"]
    return "\n\n".join(parts) + "\n"


def _settings(kind: type[BaseModel], path: tuple[str, ...], prefix: str) -> Iterator[str]:
    meanings = _meanings(kind)
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from _settings(type(default), (*path, name), prefix)
            continue
        setting = ".".join((*path, name))
        variable = prefix + "__".join((*path, name)).upper()
        meaning = meanings.get(name, name.replace("_", " ")).replace("|", "\\|")
        yield f"| `{setting}` | {_default(default)} | `{variable}` | {meaning} |"


def _default(value: object) -> str:
    shown = list(value) if isinstance(value, tuple) else value
    return "" if value is None else f"`{json.dumps(shown, ensure_ascii=False, default=str)}`"


def _meanings(kind: type[BaseModel]) -> dict[str, str]:
    """Give what is written under each field of a class and of those it is made from."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        if issubclass(base, BaseModel) and base.__module__.split(".")[0] in ("vo_emline", "service"):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            found |= _literals_under_fields(tree)
    return found


def _literals_under_fields(tree: ast.stmt) -> dict[str, str]:
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


PAGES = {"tables.md": tables_page, "commands.md": commands_page, "settings.md": settings_page}
"""Name of the page → the function that writes it."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
