"""The index of spectra behind SSA, DataLink and ObsCore: one row per readable file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from vo_emline.candidates.identifiers import AUTHORITY, SHARED, shared_dids_sql
from vo_emline.candidates.rows import spectra_select
from vo_emline.candidates.workshop import connect
from vo_emline.errors import DataError
from vo_emline.preprocess import COVERAGE_SCHEMA, IDENTITY_SCHEMA, WINDOW_VAC, coverage_table, identity_table
from vo_emline.progress import track
from vo_emline.rejects import Reject
from vo_emline.spectra import Coverage, Identity, read_part


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
