"""Surveys of any size: millions of files to scores, in shards, resumable.

* ``survey``: :func:`classify_survey`, the only engine; ``estimate``: what it will cost.
* ``options``: settings; ``sources``: files, folders, lists, or a store of windows.
* ``shards``: the pieces of a survey, the files of finished ones, and the loop that does what is to do.
* ``work``: all that is done with one shard: files → windows → probabilities → rows;
  ``scores``: these rows, lines measured; ``flags``: quality flags of a score.
* ``model``: the network, loaded once per process, and the small one that screens for it.
* ``pipeline``: shards through the network, here or in workers; ``pool``: processes, and what becomes of
  shards of which one died; ``cluster``: a Dask cluster, imported when one is asked for.
* ``counts``: what became of the inputs, during and after.
* ``store``: windows of a survey on disk, memory-mapped; ``ingest``: making one from files.
* ``synthetic``: simulated surveys of any size.

Nothing here imports JAX before a trained network is loaded.
"""

from vo_emline.preprocess.windows import Prepared
from vo_emline.survey.cluster import dask_workers
from vo_emline.survey.counts import ShardCounts, SurveySummary, Tally
from vo_emline.survey.flags import FLAGS
from vo_emline.survey.ingest import IngestSummary, ingest
from vo_emline.survey.model import Scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.scores import REJECTS_SCHEMA, SCORES_SCHEMA
from vo_emline.survey.shards import Shard
from vo_emline.survey.store import WindowStore, find_store, is_store
from vo_emline.survey.survey import Start, classify_survey, finish_survey, read_rejects, read_scores
from vo_emline.survey.synthetic import Synthetic, simulate_files, simulate_store
from vo_emline.survey.work import Work, classify_files, prepare_files, process_shard, score

__all__ = [
    "FLAGS",
    "REJECTS_SCHEMA",
    "SCORES_SCHEMA",
    "IngestSummary",
    "Prepared",
    "Scorer",
    "Shard",
    "ShardCounts",
    "Start",
    "SurveyOptions",
    "SurveySummary",
    "Synthetic",
    "Tally",
    "WindowStore",
    "Work",
    "classify_files",
    "classify_survey",
    "dask_workers",
    "find_store",
    "finish_survey",
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
