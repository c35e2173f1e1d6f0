"""What catalogues say of stars: the table ``emline.known`` and the columns of ``emline.objects`` that follow.

Catalogues are asked about the positions of candidates (:data:`NameKnown`); what they answer is kept for the
star of each. A separation is that from the mean position of the star, which is better than a telescope's.
Where a catalogue does not have a star, the star says so: with the name of the catalogue and the day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.columns import KNOWN
from vo_emline.candidates.database import DRAFT, literal
from vo_emline.candidates.joining import separation_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SURE: Final = 5.0
"""Separation up to which a star and an object of a catalogue are the same, arcsec; beyond, they may be."""

KNOWN_DRAFT: Final = f"{DRAFT}.known_stars"
"""Relation made by :func:`draft_known`, with the stored columns of ``emline.known``."""

MATCHES: Final = f"{DRAFT}.matches"
"""Relation of what was answered, see :func:`keep_matches`."""

_ASKED: Final = f"{DRAFT}.asked"
_RANK: Final = "CASE match_kind WHEN 'designation' THEN 0 WHEN 'position' THEN 1 ELSE 2 END"
_PHOTOMETRY: Final = ("gaia_source_id", "phot_g_mean_mag", "bp_rp", "parallax")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What catalogues say of some candidates."""

    said: pa.Array
    """One text per candidate, or NULL: see the column ``known_as``."""
    matches: pa.Table
    """One row per candidate and catalogue that has it: :data:`MATCH_SCHEMA`."""
    asked: tuple[str, ...] = ()
    """References of the catalogues that were asked; a star that they lack says so."""
    asked_on: str = ""
    """Day, ISO 8601."""


NameKnown = Callable[[pa.Table], Answers]
"""Asks catalogues about candidates: rows with ``designation``, ``ra``, ``dec``, ``label``."""

MATCH_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        *(
            pa.field(column.name, column.arrow_type)
            for column in KNOWN.stored
            if column.name not in ("object_id", "separation")
        ),
    ]
)
"""``row``: which of the candidates asked about; the others are columns of ``emline.known``."""


def prepare_matches(database: DuckDBPyConnection) -> None:
    """Make the relations that :func:`keep_matches` fills; where nothing is asked they stay empty."""
    columns = (column for column in KNOWN.stored if column.name not in ("object_id", "separation"))
    database.execute(
        f"CREATE TABLE {MATCHES} (path VARCHAR, {', '.join(f'{one.name} {one.sql_type}' for one in columns)})"
    )
    database.execute(f"CREATE TABLE {_ASKED} (place INTEGER, catalogue VARCHAR, asked_on VARCHAR)")


def keep_matches(writer: DuckDBPyConnection, sources: pa.ChunkedArray, answers: Answers) -> None:
    """Keep what was answered about a batch of candidates.

    Parameters
    ----------
    writer
        The database that is being built.
    sources
        File of each candidate.
    answers
        In the same order.
    """
    rows = answers.matches.append_column("source", sources.take(answers.matches["row"]))
    writer.register("answered", rows)
    names = [name for name in MATCH_SCHEMA.names if name != "row"]
    writer.execute(
        f"INSERT INTO {MATCHES} BY NAME "  # noqa: S608 - names of ours
        f"SELECT absolute_path(source) AS path, {', '.join(names)} FROM answered"
    )
    writer.unregister("answered")
    for place, name in enumerate(answers.asked):
        writer.execute(
            f"INSERT INTO {_ASKED} SELECT $1, $2, $3 "  # noqa: S608
            f"WHERE $2 NOT IN (SELECT catalogue FROM {_ASKED})",
            [place, name, answers.asked_on],
        )


def draft_known(database: DuckDBPyConnection, members: str, objects: str) -> None:
    """Make the rows of ``emline.known``: for each star and catalogue the surest match of any of its spectra.

    Parameters
    ----------
    database
        With a draft of stars, and :func:`prepare_matches` done.
    members
        Relation of ``path``, ``object_id``: which file is of which star.
    objects
        Relation of ``object_id``, ``ra``, ``dec``.
    """
    kind = (
        "CASE WHEN match_kind = 'designation' THEN match_kind "
        f"WHEN apart <= {SURE} THEN 'position' ELSE 'possible' END"
    )
    names = ", ".join(
        column.name for column in KNOWN.stored if column.name not in ("object_id", "separation", "match_kind")
    )
    database.execute(
        f"CREATE TABLE {KNOWN_DRAFT} AS SELECT object_id, {names}, {kind} AS match_kind, apart AS separation "  # noqa: S608
        f"FROM (SELECT m.*, object_id, {separation_sql('m', 'o')} AS apart FROM {MATCHES} m "
        f"JOIN {members} USING (path) JOIN {objects} o USING (object_id)) "
        "QUALIFY row_number() OVER (PARTITION BY object_id, catalogue "
        f"ORDER BY {_RANK}, apart, identifier) = 1"
    )


def said_of_objects(database: DuckDBPyConnection, objects: str) -> str:
    """Give SQL for the stars of `objects` with what catalogues say of each: known_in, not_in, main_type, ….

    Parameters
    ----------
    database
        With what :func:`draft_known` makes.
    objects
        Relation of stars, with ``object_id`` and ``known_as``: NULL where none was asked about the star.
    """
    asked = database.sql(f"SELECT catalogue, asked_on FROM {_ASKED} ORDER BY place").fetchall()  # noqa: S608
    absent = ", ".join(
        f"CASE WHEN NOT list_contains(coalesce(catalogues, []), {literal(name)}) "
        f"THEN {literal(f'{name} ({day})' if day else name)} END"
        for name, day in asked
    )
    not_in = f"CASE WHEN known_as IS NOT NULL THEN nullif(concat_ws('; ', {absent}), '') END"
    order = f"ORDER BY {_RANK}, separation"
    sure = "match_kind <> 'possible'"
    first = ", ".join(
        f"first({name} {order}) FILTER ({sure} AND {name} IS NOT NULL) AS {name}" for name in _PHOTOMETRY
    )
    said = f"catalogue || CASE WHEN {sure} THEN '' ELSE ' (possibly)' END"
    grouped = (
        f"SELECT object_id, string_agg({said}, '; ' {order}) AS known_in, list(catalogue) AS catalogues, "  # noqa: S608
        f"first(object_type {order}) FILTER ({sure} AND object_type <> '') AS main_type, {first} "
        f"FROM {KNOWN_DRAFT} GROUP BY object_id"
    )
    return (
        f"SELECT o.*, known_in, main_type, {', '.join(_PHOTOMETRY)}, "  # noqa: S608 - names of ours
        f"{not_in if asked else 'NULL'} AS not_in FROM {objects} o LEFT JOIN ({grouped}) USING (object_id)"
    )
