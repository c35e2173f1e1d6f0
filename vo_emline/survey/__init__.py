"""The bulk engine: millions of files to scores, in shards, resumable.

* ``options``: settings.
* ``classify``: files → windows → probabilities; ``scores``: the rows of these, lines measured;
  ``flags``: quality flags of a score.
* ``shards``: the pieces of a survey, and the files of finished ones; ``inputs``: what it is cut from;
  ``lock``: one process for each part.
* ``store``: windows of a survey on disk, memory-mapped; ``ingest``: making one from files.
* ``work``: all that is done with one shard; ``model``: the network, loaded once per process.
* ``cascade``: a small network that screens for the full one.
* ``pool``: shards in this process, a pool of processes, any executor; ``deaths``: processes that die.
* ``cluster``: a Dask cluster as an executor; Dask is imported when one is asked for.
* ``pipeline``: reading, predicting and writing at the same time; ``ways``: that, or whole shards in workers.
* ``counts``, ``meter``, ``summary``: what became of the inputs, during and after.
* ``engine``: :func:`classify_survey` puts these together.
* ``synthetic``: simulated surveys of any size.

Nothing here imports JAX before a trained network is loaded.
"""

from vo_emline.preprocess.windows import Prepared
from vo_emline.survey.classify import Scorer, classify_files, prepare_files, score
from vo_emline.survey.cluster import dask_workers
from vo_emline.survey.counts import ShardCounts, Tally
from vo_emline.survey.engine import classify_store, classify_survey, read_rejects, read_scores
from vo_emline.survey.flags import FLAGS
from vo_emline.survey.ingest import IngestSummary, ingest
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.scores import REJECTS_SCHEMA, SCORES_SCHEMA
from vo_emline.survey.shards import Shard
from vo_emline.survey.store import WindowStore, find_store, is_store
from vo_emline.survey.summary import SurveySummary
from vo_emline.survey.synthetic import Synthetic, simulate_files, simulate_store
from vo_emline.survey.work import Work, process_shard

__all__ = [
    "FLAGS",
    "REJECTS_SCHEMA",
    "SCORES_SCHEMA",
    "IngestSummary",
    "Prepared",
    "Scorer",
    "Shard",
    "ShardCounts",
    "SurveyOptions",
    "SurveySummary",
    "Synthetic",
    "Tally",
    "WindowStore",
    "Work",
    "classify_files",
    "classify_store",
    "classify_survey",
    "dask_workers",
    "find_store",
    "ingest",
    "is_store",
    "prepare_files",
    "process_shard",
    "read_rejects",
    "read_scores",
    "score",
    "simulate_files",
    "simulate_store",
]
