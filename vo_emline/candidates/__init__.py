"""The candidate tables: one description of their columns, and the file the service publishes.

* ``columns``: the published tables (name, type, unit, UCD, utype, text)
* ``obscore``: the same spectra as ``ivoa.obscore``
* ``rows``: an SQL expression for every published column over the scores of a survey; identifiers;
  the index of spectra behind SSA, DataLink and ObsCore
* ``votable``: the one streamed writer of VOTables
* ``output``: tables as CSV, VOTable, Parquet, FITS, ECSV; tables of any size as a stream
* ``database``: where rows are made: functions, limits on memory, a file that is renamed into place
* ``joining``: which spectra are of one star; ``objects``: what they say together
* ``changes``: what became of candidates since the release before
* ``known``: what catalogues say of a star
* ``said``: labels of people, put to the spectra of a release
* ``classified``: classified spectra of a release or survey, a batch at a time
* ``release``: the tables of a release, of tables or of the shards of a survey: sorted, indexed, checked
* ``counted``: what a survey says became of its inputs, and whether a release holds that
* ``postgres``: the tables of a release in a PostgreSQL database
* ``citation``: who made a release and how it is cited; ``moc``: coverage of the sky
* ``cds``: tables for VizieR and journals, described byte by byte
* ``hats``: a table of a release as a HATS catalogue, for LSDB
"""

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.candidates.columns import CANDIDATES as CANDIDATES
    from vo_emline.candidates.columns import CHANGES as CHANGES
    from vo_emline.candidates.columns import CLASSIFIED as CLASSIFIED
    from vo_emline.candidates.columns import COVERAGE as COVERAGE
    from vo_emline.candidates.columns import EPOCHS as EPOCHS
    from vo_emline.candidates.columns import HPX_ORDER as HPX_ORDER
    from vo_emline.candidates.columns import KNOWN as KNOWN
    from vo_emline.candidates.columns import OBJECTS as OBJECTS
    from vo_emline.candidates.columns import PUBLISHED as PUBLISHED
    from vo_emline.candidates.columns import REJECTS as REJECTS
    from vo_emline.candidates.columns import SAID as SAID
    from vo_emline.candidates.columns import SCORES as SCORES
    from vo_emline.candidates.columns import SPECTRA as SPECTRA
    from vo_emline.candidates.counted import ReleaseCounts as ReleaseCounts
    from vo_emline.candidates.database import Limits as Limits
    from vo_emline.candidates.database import healpix as healpix
    from vo_emline.candidates.hats import HatsSummary as HatsSummary
    from vo_emline.candidates.hats import write_hats as write_hats
    from vo_emline.candidates.obscore import OBSCORE as OBSCORE
    from vo_emline.candidates.output import arrow_schema as arrow_schema
    from vo_emline.candidates.output import write_table as write_table
    from vo_emline.candidates.release import build_release as build_release
    from vo_emline.candidates.release import read_release as read_release
    from vo_emline.candidates.release import release_survey as release_survey
    from vo_emline.candidates.release import write_tables as write_tables
    from vo_emline.candidates.rows import AUTHORITY as AUTHORITY
    from vo_emline.candidates.rows import Provenance as Provenance
    from vo_emline.candidates.rows import candidate_ids as candidate_ids
    from vo_emline.candidates.rows import index_spectra as index_spectra
    from vo_emline.candidates.rows import index_table as index_table

__getattr__, __dir__ = lazily(
    __name__,
    {
        "columns": "CANDIDATES CHANGES CLASSIFIED COVERAGE EPOCHS HPX_ORDER KNOWN OBJECTS PUBLISHED REJECTS "
        "SAID SCORES SPECTRA",
        "counted": "ReleaseCounts",
        "database": "Limits healpix",
        "hats": "HatsSummary write_hats",
        "obscore": "OBSCORE",
        "output": "arrow_schema write_table",
        "release": "build_release read_release release_survey write_tables",
        "rows": "AUTHORITY Provenance candidate_ids index_spectra index_table",
    },
)
