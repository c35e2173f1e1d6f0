"""The engine of surveys: any number of spectra to shards of scores and a table of candidates, resumable.

``vo-emline classify-survey`` and ``vo-emline run`` both call :func:`classify_survey`.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from vo_emline.candidates.columns import CANDIDATES
from vo_emline.candidates.output import SPILL, write_candidates
from vo_emline.candidates.rows import Provenance
from vo_emline.errors import EmlineError, UserError
from vo_emline.files import digest, room_for, write_json
from vo_emline.rundir import SUMMARY
from vo_emline.survey.counts import Session, ShardCounts, SurveySummary, Tally
from vo_emline.survey.growth import read_growth, require_alike
from vo_emline.survey.model import check_model, load_scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.pipeline import predicting_here, predicting_there
from vo_emline.survey.rescoring import require_comparable, rescoring
from vo_emline.survey.shards import Say, Shard, ShardStore, count_shard, locked, remove_locks, run_shards
from vo_emline.survey.sources import Inputs, open_source
from vo_emline.survey.work import Work
from vo_emline.training.description import ModelDescription

logger = logging.getLogger(__name__)

KIND: Final = "survey"
"""What the manifest of a survey says its directory holds."""

Place = Literal["auto", "here", "workers"]
"""Where the network runs: in this process, in each worker, or where it is faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What one start of a survey does, and where; no row depends on it but by the limit."""

    limit: int | None = None
    """Only so many inputs, the first ones; of a store of windows as many whole shards as hold them."""
    part: tuple[int, int] | None = None
    """(i, n): only the i-th of n parts, on this machine."""
    place: Place = "auto"
    """Where the network runs."""
    without: tuple[Path, ...] = ()
    """Files that lie among the spectra and are none."""
    previous: Path | None = None
    """Directory of the survey before this one, whose rows of unchanged files are taken over."""
    since: Path | None = None
    """A survey of the same spectra by the model that was refined since: only what can change is classified
    again (:mod:`vo_emline.survey.rescoring`). The rows are the same with it and without."""


def classify_survey(
    sources: Sequence[Path],
    output: Path,
    *,
    model: Path,
    options: SurveyOptions | None = None,
    start: Start | None = None,
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
    start
        How much of it, and where; None for all.
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
    start = start or Start()
    survey = _Survey.open(sources, output, model=model, options=options or SurveyOptions(), start=start)
    with locked(output, part=start.part):
        survey.begin()
        session = Session.begin(output, part=start.part)
        do = _way(survey, executor)
        tally = run_shards(survey.source, survey.store, do, part=start.part, say=say)
        session.finish(tally)
        return tally if start.part else survey.finish(tally)


def finish_survey(
    sources: Sequence[Path],
    output: Path,
    *,
    model: Path,
    options: SurveyOptions | None = None,
    start: Start | None = None,
) -> SurveySummary:
    """Assemble what several machines have classified in parts; no spectrum is read.

    Parameters
    ----------
    sources, output, model, options, start
        Those of :func:`classify_survey`.

    Raises
    ------
    UserError
        Shards are missing or damaged, or a part is still being worked on.
    """
    start = start or Start()
    survey = _Survey.open(sources, output, model=model, options=options or SurveyOptions(), start=start)
    with locked(output):
        survey.begin()
        return survey.finish(survey.counted())


def read_scores(directory: Path) -> pa.Table:
    """Read the scores of a survey: one row per classified file, columns of ``SCORES_SCHEMA``."""
    return ShardStore(directory).read("scores")


def read_rejects(directory: Path) -> pa.Table:
    """Read the rejects of a survey, one row per file without a score."""
    return ShardStore(directory).read("rejects")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """A survey on disk, and what it depends on."""

    source: Inputs
    store: ShardStore
    model: Path
    description: ModelDescription
    options: SurveyOptions
    start: Start

    @classmethod
    def open(
        cls, sources: Sequence[Path], output: Path, *, model: Path, options: SurveyOptions, start: Start
    ) -> _Survey:
        description = check_model(model)
        if start.previous is not None:
            require_alike(start.previous, _common(description, options))
        source = open_source(
            sources,
            output,
            limit=start.limit,
            shard_size=options.shard_size,
            preprocess=description.preprocess,
            without=start.without,
            previous=start.previous,
        )
        return cls(
            source=source,
            store=ShardStore(output),
            model=model,
            description=description,
            options=options,
            start=start,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What every shard depends on, and the identifier of the run that is made of it."""
        claim = {
            "kind": KIND,
            "inputs": self.source.inputs,
            "inputs_sha256": self.source.inputs_sha256,
            "model_version": self.description.version,
            "shards": self.source.n_shards,
            **_common(self.description, self.options),
        }
        if growth := read_growth(self.store.directory):
            claim |= {"previous_run_id": growth.previous_run_id, "kept": growth.kept}
        return claim | {"run_id": f"survey-{digest(claim)[:12]}"}

    def begin(self) -> None:
        """Claim the directory; sweep up what was killed, where nobody else can be at work."""
        if self.start.since is not None:
            require_comparable(self.start.since, self.facts, self.description)
        with room_for(self.store.directory):
            self.store.claim(self.facts)
        if self.start.part is None:
            self.store.remove_leftovers()
            remove_locks(self.store.directory)
            shutil.rmtree(self.store.directory / SPILL, ignore_errors=True)

    def counted(self) -> Tally:
        """Count the shards, all of which have to be finished."""
        missing = sorted(set(range(self.source.n_shards)) - self.store.finished())
        if missing:
            raise UserError(
                f"{len(missing)} of {self.source.n_shards} shards of {self.store.directory} are not finished "
                f"(the first is {missing[0]}); start again without --finish to do them"
            )
        return Tally.of(
            count_shard(self.source, self.store, number) for number in range(self.source.n_shards)
        )

    def finish(self, tally: Tally) -> SurveySummary:
        """Check, and write the candidates; last the summary, which says that all is there."""
        facts, version, inputs = self.facts, self.description.version, self.source.inputs
        if growth := read_growth(self.store.directory):
            inputs += growth.kept
            for counts in growth.counts(self.store):
                tally.add(counts)
        found = _summarised(tally, inputs, directory=self.store.directory, model_version=version)
        content = facts | asdict(found)
        path = self.store.directory / SUMMARY
        tables = [self.store.directory / f"{CANDIDATES.name}{suffix}" for suffix in (".parquet", ".vot")]
        if not (_holds(path, content) and all(table.is_file() for table in tables)):
            provenance = Provenance(run_id=facts["run_id"], model_version=version)
            content["candidates"] = write_candidates(self.store.directory, provenance=provenance)
            with room_for(path):
                write_json(path, content)
        return found


def _common(description: ModelDescription, options: SurveyOptions) -> dict[str, Any]:
    """Give the facts on which a row depends beside its file."""
    return {
        "model_sha256": description.sha256,
        "preprocess": description.preprocess.model_dump(mode="json"),
        "options": options.facts(),
    }


def _holds(path: Path, content: dict[str, Any]) -> bool:
    """Tell whether a summary is there, whole, and says what it should."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.items() >= content.items()


def _summarised(tally: Tally, inputs: int, *, directory: Path, model_version: str) -> SurveySummary:
    """Give the summary, and see that scores and rejects add up to the inputs."""
    scores, rejects = tally.classes.total(), tally.rejects.total()
    if inputs != scores + rejects:
        raise EmlineError(
            f"{inputs} files gave {scores} scores and {rejects} rejects: rows were lost or "
            f"doubled; remove {directory} and start again"
        )
    return SurveySummary(
        inputs=inputs,
        classes=dict(tally.classes),
        flags=dict(sorted(tally.flags.items())),
        rejects=dict(sorted(tally.rejects.items())),
        model_version=model_version,
    )


def _way(
    survey: _Survey, executor: Executor | None
) -> Callable[[Iterator[Shard], int], Iterator[ShardCounts]]:
    """Choose where shards are worked on."""
    work = Work(
        directory=survey.store.directory.absolute(),
        model=survey.model.absolute(),
        model_version=survey.description.version,
        preprocess=survey.description.preprocess,
        options=survey.options,
        store=None if survey.source.store is None else survey.source.store.absolute(),
    )
    if survey.start.since is not None:
        return partial(rescoring, work=work, before=survey.start.since)
    if executor is not None or not _here(survey.start.place):
        return partial(predicting_there, work=work, executor=executor)
    scorer = load_scorer(work.model, work.options, work.model_version)
    return partial(predicting_here, scorer=scorer, work=work)


def _here(place: Place) -> bool:
    """Tell whether this process predicts: it does where there is an accelerator, which is not shared well."""
    if place != "auto":
        return place == "here"
    from vo_emline.training.device import describe_device

    return bool(describe_device()["platform"] != "cpu")
