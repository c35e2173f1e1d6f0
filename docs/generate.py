"""Write the reference pages that follow from the code: the tables and the commands.

``make docs`` runs it; a test fails when a page is out of date.
"""

from __future__ import annotations

from pathlib import Path

import click

from vo_emline.candidates import PUBLISHED
from vo_emline.cli import app
from vo_emline.survey import FLAGS
from vo_emline.tables import Column, Table

DOCS = Path(__file__).parent
WIDTH = 100
INTRODUCTION = """\
Made from `vo_emline/candidates/columns.py` by `make docs`. The same description makes the release file,
TAP_SCHEMA and the fields of every VOTable."""


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
    with click.Context(app, info_name="vo-emline", max_content_width=WIDTH, terminal_width=WIDTH) as context:
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


PAGES = {"tables.md": tables_page, "commands.md": commands_page}
"""Name of the page → the function that writes it."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
