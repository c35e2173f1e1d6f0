"""The bulk engine: millions of files to scores, in shards, resumable.

* ``options``: settings.
* ``classify``: files → windows → scores and rejects; what one shard needs.
* ``flags``: quality flags of a score.
* ``shards``: cutting a list of files into shards, and the files of finished ones.
* ``store``: windows of a survey on disk, memory-mapped; ``ingest``: making one from files.
* ``pool``: where files are read: this process, a pool, any executor.
* ``engine``: :func:`classify_survey` puts these together.

Nothing here imports JAX: the trained network is handed in.
"""

from vo_emline.survey.classify import (
    REJECTS_SCHEMA,
    SCORES_SCHEMA,
    Prepared,
    Scorer,
    classify_files,
    prepare_files,
    score,
)
from vo_emline.survey.engine import (
    SurveySummary,
    classify_store,
    classify_survey,
    read_rejects,
    read_scores,
)
from vo_emline.survey.flags import FLAGS
from vo_emline.survey.ingest import IngestSummary, ingest
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.store import WindowStore, find_store, is_store

__all__ = [
    "FLAGS",
    "REJECTS_SCHEMA",
    "SCORES_SCHEMA",
    "IngestSummary",
    "Prepared",
    "Scorer",
    "SurveyOptions",
    "SurveySummary",
    "WindowStore",
    "classify_files",
    "classify_store",
    "classify_survey",
    "find_store",
    "ingest",
    "is_store",
    "prepare_files",
    "read_rejects",
    "read_scores",
    "score",
]
