"""The candidate tables: one description of their columns, and the file the service publishes.

``columns``      the published tables (name, type, unit, UCD, utype, text)
``obscore``      the same spectra as ``ivoa.obscore``
``identifiers``  publisher DIDs and candidate identifiers
``index``        one row per spectrum behind SSA, DataLink and ObsCore
``scores``       from the survey's scores to the published rows
``output``       tables as CSV, VOTable, Parquet, FITS, ECSV
``release``      the DuckDB file, sorted by position and renamed into place
"""

from vo_emline.candidates.columns import (
    CANDIDATES,
    CLASSIFIED,
    HPX_ORDER,
    PUBLISHED,
    REJECTS,
    SCORES,
    SPECTRA,
)
from vo_emline.candidates.identifiers import AUTHORITY, candidate_ids, publisher_dids
from vo_emline.candidates.index import index_spectra, index_table
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.candidates.output import write_table
from vo_emline.candidates.release import arrow_schema, build_release, conform, healpix
from vo_emline.candidates.scores import reject_rows, score_rows

__all__ = [
    "AUTHORITY",
    "CANDIDATES",
    "CLASSIFIED",
    "HPX_ORDER",
    "OBSCORE",
    "PUBLISHED",
    "REJECTS",
    "SCORES",
    "SPECTRA",
    "arrow_schema",
    "build_release",
    "candidate_ids",
    "conform",
    "healpix",
    "index_spectra",
    "index_table",
    "publisher_dids",
    "reject_rows",
    "score_rows",
    "write_table",
]
