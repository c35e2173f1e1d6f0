"""The ADQL the client writes. Texts go through :func:`literal`; the service only reads."""

from __future__ import annotations

from collections.abc import Sequence

from vo_emline.candidates.columns import SCORES
from vo_emline.client.constraints import Constraints, literal

# ruff: noqa: S608 - the service refuses anything but SELECT, and texts are quoted


def select(
    constraints: Constraints,
    *,
    columns: Sequence[str] = (),
    limit: int | None = None,
    table: str | None = None,
) -> str:
    """Write the query for rows, the surest emission first.

    The order is total, so that the same query gives the same rows in the
    same order to every program that asks it.
    """
    top = "" if limit is None else f"TOP {int(limit)} "
    names = ", ".join(columns) or "*"
    source = f"{table or constraints.table}{_where(constraints)}"
    return f"SELECT {top}{names} FROM {source} ORDER BY score DESC, candidate_id"


def count(constraints: Constraints, *, table: str | None = None) -> str:
    """Write the query for the number of rows."""
    return f"SELECT COUNT(*) AS n FROM {table or constraints.table}{_where(constraints)}"


def named(identifier: str) -> str:
    """Write the query for the spectra that a candidate id, publisher DID, designation or obsid names."""
    text = literal(identifier)
    number = f" OR obsid = {int(identifier)}" if identifier.isdecimal() else ""
    return (
        f"SELECT TOP 20 * FROM {SCORES.qualified_name} "
        f"WHERE candidate_id = {text} OR obs_publisher_did = {text} OR designation = {text}{number} "
        "ORDER BY candidate_id"
    )


def position_of(designation: str) -> str:
    """Write the query for the position of a star, by its designation."""
    return (
        f"SELECT TOP 1 ra, dec FROM {SCORES.qualified_name} "
        f"WHERE designation = {literal(designation)} AND ra IS NOT NULL ORDER BY candidate_id"
    )


def tables() -> str:
    """Write the query for the tables and their descriptions (TAP 1.1, section 4)."""
    return (
        "SELECT t.table_name, COUNT(*) AS n_columns, t.description FROM TAP_SCHEMA.tables AS t "
        "JOIN TAP_SCHEMA.columns AS c ON c.table_name = t.table_name "
        "GROUP BY t.table_name, t.description ORDER BY t.table_name"
    )


def columns_of(table: str) -> str:
    """Write the query for the columns of one table."""
    return (
        "SELECT column_name, datatype, unit, ucd, description FROM TAP_SCHEMA.columns "
        f"WHERE table_name = {literal(table)} ORDER BY column_index"
    )


def _where(constraints: Constraints) -> str:
    conditions = constraints.conditions()
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
