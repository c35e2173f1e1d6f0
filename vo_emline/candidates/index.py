"""The index of spectra behind SSA, DataLink and ObsCore: one row per readable file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.candidates.columns import SPECTRA
from vo_emline.candidates.identifiers import AUTHORITY, publisher_dids
from vo_emline.candidates.release import arrow_schema
from vo_emline.errors import DataError
from vo_emline.preprocess import COVERAGE_SCHEMA, IDENTITY_SCHEMA, WINDOW_VAC, coverage_table, identity_table
from vo_emline.progress import track
from vo_emline.rejects import Reject
from vo_emline.spectra import Coverage, Identity, read_part

ANGSTROM_M: Final = 1e-10

_RENAMED: Final = {"collection": "survey"}
"""Columns of the index that are called otherwise in an identity."""


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
        One row per readable file, all stored columns but ``hpx10``.
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
        Authority for the publisher DIDs of files that bring none.

    Returns
    -------
    pyarrow.Table
        Stored columns of :data:`~vo_emline.candidates.columns.SPECTRA` but ``hpx10``. Wavelengths are
        vacuum, m; positions ICRS, deg; the epoch is MJD (UTC); paths are absolute.
    """
    schema = arrow_schema(SPECTRA)
    schema = schema.remove(schema.get_field_index("hpx10"))
    made = _made(described, authority)
    columns = [
        made[name] if name in made else described[_RENAMED.get(name, name)].cast(schema.field(name).type)
        for name in schema.names
    ]
    return pa.table(columns, schema=schema)


def _made(described: pa.Table, authority: str) -> dict[str, Any]:
    """Make the columns that are not taken over as they are."""
    designation = described["designation"]
    paths = [str(Path(source).resolve()) for source in described["source"].to_pylist()]
    dids = publisher_dids(
        paths,
        described["survey"].to_pylist(),
        known=described["publisher_did"].to_pylist(),
        authority=authority,
    )
    return {
        "obs_publisher_did": pa.array(dids, pa.string()),
        "path": pa.array(paths, pa.string()),
        "target_name": pc.if_else(pc.equal(designation, ""), described["object_name"], designation),
        "wave_min": pc.multiply(described["wave_min"], ANGSTROM_M),
        "wave_max": pc.multiply(described["wave_max"], ANGSTROM_M),
    }
