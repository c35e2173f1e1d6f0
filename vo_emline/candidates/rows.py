"""From what a survey knows of a spectrum to what is published of it: an SQL expression for every column.

The expressions are over a relation with the columns of a survey's scores
(``IDENTITY_SCHEMA``, ``COVERAGE_SCHEMA``, label, probabilities, …); a column that is not made here is
taken over under its name. So a column that is added to the scores and to the published tables needs no
line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vo_emline.candidates.columns import REJECTS, SCORES, SPECTRA
from vo_emline.candidates.identifiers import AUTHORITY, candidate_id_sql, identified_sql
from vo_emline.candidates.quoting import identifier, literal
from vo_emline.tables import Column, Table

_NAME: Final = "coalesce(nullif(designation, ''), object_name)"

FROM_FILES: Final = {
    "collection": "survey",
    "target_name": _NAME,
    "designation": _NAME,
    "hpx10": "healpix10(ra, dec)",
    "wave_min": "wave_min * 1e-10",  # Å to m
    "wave_max": "wave_max * 1e-10",
    "path": "absolute_path(source)",
}
"""Published columns that are made of what the files say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who publishes, and which run and model the scores are from."""

    authority: str = AUTHORITY
    """Authority of publisher DIDs of spectra that bring none."""
    run_id: str = ""
    model_version: str = ""

    def metadata(self) -> dict[str, str]:
        """Give what the service shows of the run."""
        return {"run_id": self.run_id, "model_version": self.model_version}


def missing_columns(present: Sequence[str]) -> list[str]:
    """Name the columns that publishing wants of the scores of a survey and that are not among `present`."""
    made = {*FROM_FILES, "obs_publisher_did", "candidate_id", "known_as", *Provenance().metadata()}
    taken = {column.name for column in (*SCORES.stored, *SPECTRA.stored)} - made
    used = {"source", "survey", "publisher_did", "designation", "object_name", "wave_min", "wave_max"}
    return sorted((taken | used) - set(present))


def spectra_select(relation: str, *, authority: str) -> str:
    """Give SQL for the rows of :data:`~vo_emline.candidates.columns.SPECTRA`, in the order of `relation`."""
    identified = f"({identified_sql(relation, authority=authority)})"
    return _select(SPECTRA.stored, identified, made=FROM_FILES | {"obs_publisher_did": "did"})


def classified_select(relation: str, provenance: Provenance) -> str:
    """Give SQL for all that is published of classified spectra: columns of the scores and of the index.

    Parameters
    ----------
    relation
        Scores of a survey, with ``known_as``.
    provenance
        Written to every row.
    """
    made = FROM_FILES | {
        "obs_publisher_did": "did",
        "candidate_id": candidate_id_sql("did"),
        **{name: literal(text) for name, text in provenance.metadata().items()},
    }
    columns = {column.name: column for column in (*SCORES.stored, *SPECTRA.stored)}
    identified = f"({identified_sql(relation, authority=provenance.authority)})"
    return _select(tuple(columns.values()), identified, made=made)


def rejects_select(relation: str, *, run_id: str) -> str:
    """Give SQL for rows of :data:`~vo_emline.candidates.columns.REJECTS`; file names only, never paths."""
    made = {"source": "parse_filename(source)", "run_id": literal(run_id)}
    return _select(REJECTS.stored, relation, made=made)


def table_select(table: Table, relation: str) -> str:
    """Give SQL for the stored columns of `table` in their order and types, taken from `relation`."""
    return _select(table.stored, relation, made={})


def _select(columns: tuple[Column, ...], relation: str, *, made: dict[str, str]) -> str:
    items = (
        f'CAST({made.get(column.name, identifier(column.name))} AS {column.sql_type}) AS "{column.name}"'
        for column in columns
    )
    return f"SELECT {', '.join(items)} FROM {relation}"  # noqa: S608 - names of columns, no user input
