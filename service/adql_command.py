"""``vo-emline adql``: whether queries are ADQL 2.1, and the SQL that they become."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from vo_emline.errors import UserError

if TYPE_CHECKING:
    from vo_emline.tables import Table

_LONGEST_FILE_NAME = 255


class _Given(NamedTuple):
    """One query to look at."""

    name: str | int | None
    text: str


@click.group()
def adql() -> None:
    """Check ADQL queries and see the SQL they become."""


@adql.command()
@click.argument("query")
@click.option("--no-names", is_flag=True, help="Do not look up tables and columns: check the language alone.")
@click.option(
    "--json", "as_json", is_flag=True, help='Write {"id", "valid", "error"} for each query, one a line.'
)
@click.pass_context
def check(context: click.Context, query: str, *, no_names: bool, as_json: bool) -> None:
    """Tell whether QUERY is valid ADQL 2.1; exit code 0 if it is, else 2.

    QUERY is the text of a query, the name of a file, or - for standard input.
    A file holds one query, or one JSON object {"id", "adql"} on each line.
    """
    from service.adql import AdqlError, check_query

    tables = None if no_names else _tables()
    all_valid = True
    for given in _read(query):
        try:
            check_query(given.text, tables=tables)
            error = None
        except AdqlError as problem:
            error = str(problem)
        all_valid = all_valid and error is None
        click.echo(_verdict(given, error, as_json=as_json))
    context.exit(0 if all_valid else UserError.exit_code)


@adql.command()
@click.argument("query")
@click.option("--dialect", type=click.Choice(["duckdb", "postgresql"]), default="duckdb", show_default=True,
              help="The database the SQL is for.")  # fmt: skip
def explain(query: str, *, dialect: str) -> None:
    """Show the SQL that QUERY becomes, and the columns of its result.

    QUERY is the text of a query, the name of a file, or - for standard input.
    """
    from service.adql import compile_query

    for given in _read(query):
        compiled = compile_query(given.text, tables=_tables(), dialect=dialect)  # type: ignore[arg-type]
        click.echo(in_lines(compiled.sql) + ";")
        for column in compiled.columns:
            facts = (column.name, column.datatype, column.unit or "-", column.ucd or "-")
            click.echo("-- " + "  ".join(facts))


_PIECES: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|.""", re.DOTALL)
_CLAUSES: Final = frozenset(
    ["SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT"]
)


def in_lines(sql: str) -> str:
    """Give SQL with a line for each clause, indented by the parentheses around it; no word changes."""
    lines, depth = [""], 0
    for piece in _PIECES.findall(sql):
        depth += (piece == "(") - (piece == ")")
        if piece in _CLAUSES and lines[-1].strip():
            lines.append("  " * depth)
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _verdict(given: _Given, error: str | None, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"id": given.name, "valid": error is None, "error": error}, ensure_ascii=False)
    verdict = error or "valid ADQL 2.1"
    return verdict if given.name is None else f"{given.name}: {verdict}"


def _tables() -> tuple[Table, ...]:
    from service.store.tap_schema import TAP_SCHEMA
    from vo_emline.candidates.columns import PUBLISHED
    from vo_emline.candidates.obscore import OBSCORE

    return (*PUBLISHED, OBSCORE, *TAP_SCHEMA)


def _read(query: str) -> Iterator[_Given]:
    """Give the queries of an argument of the command line."""
    text = _text(query)
    if not text.lstrip().startswith("{"):
        yield _Given(None, text)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _from_json(line, number)


def _text(query: str) -> str:
    if query == "-":
        return sys.stdin.read()
    if len(query) <= _LONGEST_FILE_NAME and "\n" not in query and Path(query).is_file():
        try:
            return Path(query).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{query} cannot be read: {error}") from error
    return query


def _from_json(line: str, number: int) -> _Given:
    try:
        given = json.loads(line)
        return _Given(given.get("id", number), str(given["adql"]))
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(f'line {number} is not a JSON object {{"id", "adql"}}: {error}') from error
