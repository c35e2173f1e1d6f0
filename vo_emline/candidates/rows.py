"""From what a survey knows of a spectrum to what is published of it: an SQL expression for every column.

The expressions are over a relation with the columns of a survey's scores
(``IDENTITY_SCHEMA``, ``COVERAGE_SCHEMA``, label, probabilities, …); a column that is not made here is
taken over under its name. So a column that is added to the scores and to the published tables needs no
line here. Identifiers of spectra and candidates are stable, unique, free of paths; they are made by SQL
because a release has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from vo_emline.candidates.columns import CUTOUTS, REJECTS, SCORES, SPECTRA
from vo_emline.candidates.database import connect, identifier, literal
from vo_emline.errors import DataError
from vo_emline.preprocess import COVERAGE_SCHEMA, IDENTITY_SCHEMA, WINDOW_VAC, coverage_table, identity_table
from vo_emline.progress import track
from vo_emline.rejects import Reject
from vo_emline.spectra import Coverage, Identity, read_part
from vo_emline.spectra.names import SUFFIX, UNSAFE
from vo_emline.tables import Column, Table

AUTHORITY: Final = "x-vo-emline.local"
"""Authority of publisher DIDs until a data centre registers its own (IVOA Identifiers 2.0, section 2.1)."""

SHARED: Final = "shared_dids"
"""Relation whose only column ``did`` holds the publisher DIDs that several spectra would have."""


def short_sql(expression: str) -> str:
    """Give SQL for the short name of an expression (see :func:`short_name`)."""
    last = f"regexp_extract(trim({expression}), '[^/?]*$')"
    return f"lower(regexp_replace({last}, {literal(SUFFIX)}, '', 'i'))"


def plain_did_sql(authority: str) -> str:
    """Give SQL for the publisher DID of a spectrum that has one name in the whole survey.

    A spectrum that brings one keeps it; the others get ``ivo://AUTHORITY/~?survey/stem``.

    Parameters
    ----------
    authority
        Authority to publish under.

    Returns
    -------
    str
        Expression over ``source``, ``survey`` and ``publisher_did``.
    """
    root = literal(f"ivo://{authority}/~?")
    survey = f"coalesce(nullif(trim(lower({_safe('survey')}), '-'), ''), 'spectra')"
    name = f"regexp_replace(parse_filename(source), {literal(SUFFIX)}, '', 'i')"
    made = f"{root} || {survey} || '/' || coalesce(nullif({_safe(name)}, ''), 'spectrum')"
    return f"CASE WHEN publisher_did <> '' THEN publisher_did ELSE {made} END"


def identified_sql(relation: str, *, authority: str) -> str:
    """Give SQL for the rows of `relation` with one column more, ``did``: the publisher DID.

    Where several spectra would have the same (one file name in two folders),
    a digest of the path tells them apart. The relation :data:`SHARED` must exist.
    """
    named = f"SELECT *, {plain_did_sql(authority)} AS plain_did FROM {relation}"  # noqa: S608 - our names
    apart = "plain_did || '.' || left(sha256(absolute_path(source)), 8)"
    did = f"CASE WHEN plain_did IN (SELECT did FROM {SHARED}) THEN {apart} ELSE plain_did END"  # noqa: S608
    return f"SELECT * EXCLUDE (plain_did), {did} AS did FROM ({named})"  # noqa: S608


def shared_dids_sql(relation: str, *, authority: str) -> str:
    """Give SQL for the publisher DIDs that several rows of `relation` would have.

    Digests of all are counted, and only the names of equal ones are compared: text of millions of rows
    would fill the memory.
    """
    did = plain_did_sql(authority)
    twice = f"SELECT hash({did}) FROM {relation} GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 - no user input
    return (
        f"SELECT {did} AS did FROM {relation} WHERE hash({did}) IN ({twice}) GROUP BY 1 HAVING count(*) > 1"  # noqa: S608
    )


def candidate_id_sql(did: str) -> str:
    """Give SQL for the short identifier under which the service knows a spectrum.

    ``EML-`` and 16 hex digits of a digest of the publisher DID: of 20 million, two are the same with a chance
    of one in 10⁵.

    Parameters
    ----------
    did
        Expression of the publisher DID.
    """
    return f"'EML-' || left(sha256({did}), 16)"


def candidate_ids(dids: Sequence[str]) -> list[str]:
    """Give the short identifiers of some spectra (see :func:`candidate_id_sql`)."""
    import duckdb

    sql = f"SELECT {candidate_id_sql('did')} FROM (SELECT unnest(?::VARCHAR[]) AS did)"  # noqa: S608
    with duckdb.connect() as database:
        return [row[0] for row in database.execute(sql, [list(dids)]).fetchall()]


def _safe(expression: str) -> str:
    return f"regexp_replace({expression}, {literal(UNSAFE)}, '-', 'g')"


_NAME: Final = "coalesce(nullif(designation, ''), object_name)"

FROM_FILES: Final = {
    "collection": "survey",
    "target_name": _NAME,
    "designation": _NAME,
    "hpx10": "healpix10(ra, dec)",
    "wave_min": "wave_min * 1e-10",  # Å to m
    "wave_max": "wave_max * 1e-10",
    "path": "absolute_path(source)",
    # the middle was made of start and length where both are known, and of these only
    "start_mjd": "epoch_mjd - CASE epoch_kind WHEN 'middle' THEN coalesce(exposure_s, 0) / 172800 ELSE 0 END",
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
        """Give what is said of the run in every row."""
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
    columns = {column.name: column for column in (*SCORES.stored, *SPECTRA.stored, *CUTOUTS.stored)}
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


def index_spectra(paths: Iterable[Path], *, authority: str = AUTHORITY) -> tuple[pa.Table, list[Reject]]:
    """Look into files and describe each as a row of :data:`~vo_emline.candidates.columns.SPECTRA`.

    Parameters
    ----------
    paths
        Files of spectra of any known layout.
    authority
        Authority for the publisher DIDs of files that bring none.

    Returns
    -------
    table
        One row per readable file, all stored columns.
    rejects
        The others, with the reason.
    """
    identities: list[Identity] = []
    coverages: list[Coverage] = []
    rejects: list[Reject] = []
    for path in track(list(paths), "indexing"):
        try:
            spectrum = read_part(path, between=WINDOW_VAC)
        except DataError as error:
            rejects.append(Reject.from_error(error))
        else:
            identities.append(spectrum.identity)
            coverages.append(spectrum.coverage)
    described = [*identity_table(identities).columns, *coverage_table(coverages).columns]
    names = [*IDENTITY_SCHEMA.names, *COVERAGE_SCHEMA.names]
    return index_table(pa.table(described, names=names), authority=authority), rejects


def index_table(described: pa.Table, *, authority: str = AUTHORITY) -> pa.Table:
    """Make the index from what is known of spectra, giving every one its publisher DID; no file is read.

    Parameters
    ----------
    described
        One row per spectrum with the fields of :class:`~vo_emline.spectra.Identity` and
        :class:`~vo_emline.spectra.Coverage`: for instance the scores of a survey.
    authority
        Authority for the publisher DIDs of spectra that bring none.

    Returns
    -------
    pyarrow.Table
        Stored columns of :data:`~vo_emline.candidates.columns.SPECTRA`, in the order given. Wavelengths are
        vacuum, m; positions ICRS, deg; the epoch is MJD (UTC); paths are absolute.
    """
    with connect() as database:
        database.register("described", described)
        shared = shared_dids_sql("described", authority=authority)
        database.execute(f"CREATE TEMP TABLE {SHARED} AS {shared}")
        reader = database.sql(spectra_select("described", authority=authority)).to_arrow_reader()
        table: pa.Table = reader.read_all()
    return table
