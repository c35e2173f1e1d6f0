"""The candidate tables: one description of their columns, and the file the service publishes.

``columns``      the published tables (name, type, unit, UCD, utype, text)
``obscore``      the same spectra as ``ivoa.obscore``
``identifiers``  publisher DIDs and candidate identifiers
``rows``         an SQL expression for every published column, over the scores of a survey
``index``        one row per spectrum behind SSA, DataLink and ObsCore
``pixels``, ``paths``  HEALPix pixels and absolute paths of millions of rows
``output``       tables as CSV, VOTable, Parquet, FITS, ECSV
``workshop``     where a release is built: locked, with a limit on memory, renamed into place
``release``      the tables of a release, sorted by position and indexed
``survey_release``  from the shards of a survey of any size to a release, checked
``postgres``     the tables of a release in a PostgreSQL database
``hats``         a table of a release as a HATS catalogue, for LSDB
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
from vo_emline.candidates.hats import HatsSummary, write_hats
from vo_emline.candidates.identifiers import AUTHORITY, candidate_ids, stem
from vo_emline.candidates.index import index_spectra, index_table
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.candidates.output import write_table
from vo_emline.candidates.pixels import healpix
from vo_emline.candidates.release import arrow_schema, build_release, read_release, write_tables
from vo_emline.candidates.rows import Provenance
from vo_emline.candidates.survey_release import ReleaseCounts, release_survey
from vo_emline.candidates.workshop import Limits

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
    "HatsSummary",
    "Limits",
    "Provenance",
    "ReleaseCounts",
    "arrow_schema",
    "build_release",
    "candidate_ids",
    "healpix",
    "index_spectra",
    "index_table",
    "read_release",
    "release_survey",
    "stem",
    "write_hats",
    "write_table",
    "write_tables",
]
