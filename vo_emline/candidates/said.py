"""What people say of spectra, put to the spectra of a release.

Labels go with the publisher DID of a spectrum. Where a release has none of it (it is published under another
authority, or named by its file), the last part decides, if it is one spectrum's only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.columns import PEOPLE_SAY, SAID, SCORES
from vo_emline.candidates.rows import short_sql, table_select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMES: Final = ("publisher_did", "id")
"""Columns of the labels by which their spectra are found, beside those of what people say."""

LABELS_SCHEMA: Final = pa.schema(
    [*((name, pa.string()) for name in NAMES), *((column.name, column.arrow_type) for column in PEOPLE_SAY)]
)
"""Columns of labels that are to be published."""


def write_said(database: DuckDBPyConnection, labels: pa.Table | None) -> None:
    """Write the table of published labels.

    Parameters
    ----------
    database
        The release, with its scores.
    labels
        One row per spectrum, at least the columns of :data:`LABELS_SCHEMA`. Spectra that the release does not
        have are left out. None where nobody labelled any.
    """
    given = LABELS_SCHEMA.empty_table() if labels is None else labels
    database.register("people", given.append_column("place", pa.array(range(len(given)), pa.int64())))
    scores = f"(SELECT obs_publisher_did, candidate_id FROM {SCORES.qualified_name})"  # noqa: S608
    exact = f"SELECT * FROM people JOIN {scores} ON publisher_did = obs_publisher_did"  # noqa: S608
    database.execute(f"CREATE TEMP TABLE people_exact AS {exact}")
    named = f"SELECT *, {short_sql('id')} AS short FROM people"  # noqa: S608
    rest = f"({named} WHERE place NOT IN (SELECT place FROM people_exact))"  # noqa: S608
    alike = (
        f"SELECT * EXCLUDE (short) FROM {rest} JOIN (SELECT *, {short_sql('obs_publisher_did')} AS short "  # noqa: S608
        f"FROM {scores}) USING (short) QUALIFY count(*) OVER (PARTITION BY place) = 1"
    )
    found = f"(SELECT * FROM people_exact UNION ALL BY NAME {alike})"  # noqa: S608
    turn = "row_number() OVER (PARTITION BY obs_publisher_did ORDER BY place)"
    first = f"(SELECT * FROM {found} QUALIFY {turn} = 1 ORDER BY obs_publisher_did)"  # noqa: S608
    database.execute(f"CREATE TABLE {SAID.qualified_name} AS {table_select(SAID, first)}")
    database.execute("DROP TABLE people_exact")
    database.unregister("people")
