"""``vo-emline classify-survey``: any number of spectra to shards of scores and a table of candidates."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from vo_emline.candidates.columns import CANDIDATES
from vo_emline.candidates.output import SPILL, write_candidates
from vo_emline.candidates.rows import Provenance
from vo_emline.files import room_for, write_json
from vo_emline.rundir import SUMMARY
from vo_emline.runs.bulk_session import Session
from vo_emline.runs.bulk_source import open_source
from vo_emline.runs.manifest import digest
from vo_emline.survey import Shard, ShardCounts, SurveyOptions, SurveySummary, Tally, Work
from vo_emline.survey.engine import Say, ShardSource, claim_of, run_shards
from vo_emline.survey.lock import locked, remove_locks
from vo_emline.survey.model import check_model, load_scorer
from vo_emline.survey.shards import ShardStore
from vo_emline.survey.summary import summarise
from vo_emline.survey.ways import predicting_here, predicting_there
from vo_emline.training.description import ModelDescription

logger = logging.getLogger(__name__)

Place = Literal["auto", "here", "workers"]
"""Where the network runs: in this process, in each worker, or where it is faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOptions:
    """How a survey is classified."""

    survey: SurveyOptions = field(default_factory=SurveyOptions)
    """Shard size, processes, limits of flags."""
    limit: int | None = None
    """Only so many inputs, the first ones; of a store of windows as many whole shards as hold them."""
    part: tuple[int, int] | None = None
    """(i, n): only the i-th of n parts, on this machine."""
    place: Place = "auto"
    """Where the network runs."""


def classify_bulk(
    sources: Sequence[Path],
    output: Path,
    *,
    model: Path,
    options: BulkOptions | None = None,
    executor: Executor | None = None,
    say: Say = logger.info,
) -> SurveySummary | Tally:
    """Classify any number of spectra; killed at any moment and started again, the result is the same.

    Parameters
    ----------
    sources
        Files, folders and lists of files, or one store of windows.
    output
        Directory of the survey: shards of scores and rejects, at the end
        ``candidates.parquet``, ``candidates.vot`` and ``summary.json``.
    model
        Folder of the trained model.
    options
        How.
    executor
        Workers that do whole shards (``concurrent.futures`` interface, for
        instance a Dask cluster); they have to see `output`, `model` and the spectra.
    say
        Receives what the user should read.

    Returns
    -------
    SurveySummary or Tally
        What became of the inputs; of a part, counts.

    Raises
    ------
    UserError
        A source is missing, the model cannot be used, there is no room on the
        disk, or `output` is of other inputs, another model or other settings.
    EmlineError
        Workers keep dying, or rows are lost or doubled.
    """
    options = options or BulkOptions()
    survey = _Survey.open(sources, output, model=model, options=options)
    with locked(output, part=options.part):
        survey.begin()
        session = Session.begin(output, part=options.part)
        tally = survey.work(options, executor=executor, say=say)
        session.finish(tally)
        return tally if options.part else survey.finish()


def finish_bulk(
    sources: Sequence[Path], output: Path, *, model: Path, options: BulkOptions | None = None
) -> SurveySummary:
    """Assemble what several machines have classified in parts; no spectrum is read.

    Parameters
    ----------
    sources, output, model, options
        Those of :func:`classify_bulk`.

    Raises
    ------
    UserError
        Shards are missing, or a part is still being worked on.
    """
    survey = _Survey.open(sources, output, model=model, options=options or BulkOptions())
    with locked(output):
        survey.begin()
        return survey.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """A survey on disk, and what it depends on."""

    source: ShardSource
    store: ShardStore
    model: Path
    description: ModelDescription
    options: BulkOptions

    @classmethod
    def open(cls, sources: Sequence[Path], output: Path, *, model: Path, options: BulkOptions) -> _Survey:
        description = check_model(model)
        source = open_source(sources, output, limit=options.limit, shard_size=options.survey.shard_size)
        if source.windows is not None:
            source.windows.require(description.preprocess)
        return cls(
            source=source.shards,
            store=ShardStore(output),
            model=model,
            description=description,
            options=options,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What every shard depends on, and the identifier of the run that is made of it."""
        claim = claim_of(
            self.source,
            model_version=self.description.version,
            preprocess=self.description.preprocess,
            options=self.options.survey,
        )
        claim |= {"shards": self.source.n_shards, "model_sha256": self.description.sha256}
        return claim | {"run_id": f"survey-{digest(claim)[:12]}"}

    def begin(self) -> None:
        """Claim the directory; sweep up what was killed, where nobody else can be at work."""
        with room_for(self.store.directory):
            self.store.claim(self.facts)
        if self.options.part is None:
            self.store.remove_leftovers()
            remove_locks(self.store.directory)
            shutil.rmtree(self.store.directory / SPILL, ignore_errors=True)

    def work(self, options: BulkOptions, *, executor: Executor | None, say: Say) -> Tally:
        """Do the shards that are not finished."""
        do = _way(self, options, executor)
        return run_shards(self.source, self.store, do, part=options.part, say=say)

    def finish(self) -> SurveySummary:
        """Count, check, and write the candidates; last the summary, which says that all is there."""
        facts = self.facts
        version = self.description.version
        found = summarise(
            self.store, inputs=self.source.inputs, n_shards=self.source.n_shards, model_version=version
        )
        content = facts | asdict(found)
        path = self.store.directory / SUMMARY
        tables = [self.store.directory / f"{CANDIDATES.name}{suffix}" for suffix in (".parquet", ".vot")]
        if not all(table.is_file() for table in (path, *tables)):
            provenance = Provenance(run_id=facts["run_id"], model_version=version)
            content["candidates"] = write_candidates(self.store.directory, provenance=provenance)
            with room_for(path):
                write_json(path, content)
        return found


def _way(
    survey: _Survey, options: BulkOptions, executor: Executor | None
) -> Callable[[Iterator[Shard], int], Iterator[ShardCounts]]:
    """Choose where shards are worked on."""
    preprocess = survey.description.preprocess
    work = Work(
        directory=survey.store.directory.absolute(),
        model=survey.model.absolute(),
        model_version=survey.description.version,
        preprocess=preprocess,
        options=options.survey,
        store=None if survey.source.store is None else survey.source.store.absolute(),
    )
    if executor is not None or not _here(options):
        return partial(predicting_there, work=work, executor=executor)
    return partial(
        predicting_here,
        scorer=load_scorer(survey.model, options.survey, survey.description.version),
        store=survey.store,
        preprocess=preprocess,
        options=options.survey,
        windows=survey.source.store,
    )


def _here(options: BulkOptions) -> bool:
    """Tell whether this process predicts: it does where there is an accelerator, which is not shared well."""
    if options.place != "auto":
        return options.place == "here"
    from vo_emline.training.device import describe_device

    return bool(describe_device()["platform"] != "cpu")
