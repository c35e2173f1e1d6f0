"""The candidate tables: one description of their columns, and the file the service publishes.

* ``columns``: the published tables (name, type, unit, UCD, utype, text)
* ``obscore``: the same spectra as ``ivoa.obscore``
* ``rows``: an SQL expression for every published column over the scores of a survey; identifiers;
  the index of spectra behind SSA, DataLink and ObsCore
* ``votable``: the one streamed writer of VOTables
* ``output``: tables as CSV, VOTable, Parquet, FITS, ECSV; tables of any size as a stream
* ``database``: where rows are made: functions, limits on memory, a file that is renamed into place
* ``joining``: which spectra are of one star; ``objects``: what they say together
* ``release``: the tables of a release, of tables or of the shards of a survey: sorted, indexed, checked
* ``postgres``: the tables of a release in a PostgreSQL database
* ``hats``: a table of a release as a HATS catalogue, for LSDB
"""

from vo_emline.candidates.columns import (
    CANDIDATES,
    CLASSIFIED,
    EPOCHS,
    HPX_ORDER,
    OBJECTS,
    PUBLISHED,
    REJECTS,
    SCORES,
    SPECTRA,
)
from vo_emline.candidates.database import Limits, healpix
from vo_emline.candidates.hats import HatsSummary, write_hats
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.candidates.output import arrow_schema, write_table
from vo_emline.candidates.release import (
    ReleaseCounts,
    build_release,
    read_release,
    release_survey,
    write_tables,
)
from vo_emline.candidates.rows import AUTHORITY, Provenance, candidate_ids, index_spectra, index_table, stem

__all__ = [
    "AUTHORITY",
    "CANDIDATES",
    "CLASSIFIED",
    "EPOCHS",
    "HPX_ORDER",
    "OBJECTS",
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
