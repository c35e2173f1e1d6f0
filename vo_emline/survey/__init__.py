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

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.survey.cluster import dask_workers as dask_workers
    from vo_emline.survey.counts import ShardCounts as ShardCounts
    from vo_emline.survey.counts import SurveySummary as SurveySummary
    from vo_emline.survey.counts import Tally as Tally
    from vo_emline.survey.flags import FLAGS as FLAGS
    from vo_emline.survey.ingest import IngestSummary as IngestSummary
    from vo_emline.survey.model import Scorer as Scorer
    from vo_emline.survey.options import SurveyOptions as SurveyOptions
    from vo_emline.survey.scores import REJECTS_SCHEMA as REJECTS_SCHEMA
    from vo_emline.survey.scores import SCORES_SCHEMA as SCORES_SCHEMA
    from vo_emline.survey.shards import Shard as Shard
    from vo_emline.survey.store import WindowStore as WindowStore
    from vo_emline.survey.store import find_store as find_store
    from vo_emline.survey.store import is_store as is_store
    from vo_emline.survey.survey import Start as Start
    from vo_emline.survey.survey import classify_survey as classify_survey
    from vo_emline.survey.survey import finish_survey as finish_survey
    from vo_emline.survey.survey import read_rejects as read_rejects
    from vo_emline.survey.survey import read_scores as read_scores
    from vo_emline.survey.synthetic import Synthetic as Synthetic
    from vo_emline.survey.synthetic import simulate_files as simulate_files
    from vo_emline.survey.synthetic import simulate_store as simulate_store
    from vo_emline.survey.work import Work as Work
    from vo_emline.survey.work import classify_files as classify_files
    from vo_emline.survey.work import prepare_files as prepare_files
    from vo_emline.survey.work import process_shard as process_shard
    from vo_emline.survey.work import score as score

__getattr__, __dir__ = lazily(
    __name__,
    {
        "cluster": "dask_workers",
        "counts": "ShardCounts SurveySummary Tally",
        "flags": "FLAGS",
        "ingest": "IngestSummary",
        "model": "Scorer",
        "options": "SurveyOptions",
        "scores": "REJECTS_SCHEMA SCORES_SCHEMA",
        "shards": "Shard",
        "store": "WindowStore find_store is_store",
        "survey": "Start classify_survey finish_survey read_rejects read_scores",
        "synthetic": "Synthetic simulate_files simulate_store",
        "work": "Work classify_files prepare_files process_shard score",
    },
)
