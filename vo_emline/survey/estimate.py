"""What classifying a survey will cost: counted, and measured on a small sample on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from vo_emline.survey.counts import Tally
from vo_emline.survey.model import check_model, load_scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.pipeline import predict_and_write
from vo_emline.survey.shards import Shard, ShardStore, numbers_of
from vo_emline.survey.sources import FILE_NAME, Inputs, open_source
from vo_emline.survey.survey import Start
from vo_emline.survey.work import Windows, read_shard

PIECES: Final = 8
"""Places of the survey from which a sample is measured: nights and releases differ."""

PIECE: Final = 125
"""Files that are measured at each; of a store, a whole shard."""

START_S: Final = 6.0
"""Seconds to start processes and load the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a survey will cost."""

    inputs: int
    shards: int
    finished: int
    """Shards that are done already."""
    left: int
    """Inputs of the others."""
    sample: int
    """Inputs that were measured."""
    seconds: dict[str, float]
    """CPU seconds per input of each stage, on one core (the network: on all)."""
    workers: int
    bytes_per_input: float
    """Disk that the results of an input take."""
    free: int
    """Bytes that are free where the results go."""

    @property
    def rate(self) -> float:
        """Inputs per second, all stages at once."""
        alone = self.seconds["predict"] + (self.seconds["read"] + self.seconds["write"]) / self.workers
        return 1 / alone

    @property
    def duration(self) -> timedelta:
        """Time that is left."""
        return timedelta(seconds=round(self.left / self.rate + START_S if self.left else 0))

    @property
    def disk(self) -> float:
        """Bytes that the results still to come will take."""
        return self.left * self.bytes_per_input

    def text(self) -> str:
        """Say it in a few lines."""
        done = self.inputs - self.left
        stages = ", ".join(f"{stage} {1e6 * taken:.0f} µs" for stage, taken in self.seconds.items())
        full = "" if self.disk < self.free else "  NOT ENOUGH: make room first"
        lines = {
            "inputs": f"{self.inputs} in {self.shards} shards",
            "done": f"{done} in {self.finished} shards; {self.left} to do",
            "sample": f"{self.sample} inputs: {stages} each",
            "rate": f"{self.rate:.0f} spectra/s with {self.workers} processes here, as busy as it is now",
            "time": f"{self.duration} to go",
            "disk": f"{_size(self.disk)} more, {_size(self.free)} free{full}",
        }
        return "\n".join(f"{name:8s}{text}" for name, text in lines.items())


def estimate(
    sources: Sequence[Path], output: Path, *, model: Path, options: SurveyOptions, start: Start
) -> Estimate:
    """Say what classifying a survey will cost; nothing is kept.

    Parameters
    ----------
    sources, output, model, options, start
        As for :func:`~vo_emline.survey.classify_survey`.

    Raises
    ------
    UserError
        A source is missing, the model cannot be used, or `output` is of other sources.
    """
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        listed = output if (output / FILE_NAME).is_file() else scratch / "list"
        source = open_source(
            sources,
            listed,
            limit=start.limit,
            shard_size=options.shard_size,
            preprocess=check_model(model).preprocess,
        )
        sizes = {number: source.size(number) for number in numbers_of(source, start.part)}
        done = ShardStore(output).finished() & sizes.keys()
        sample = _measure(source, sorted(sizes), scratch / "sample", model=model, options=options)
    cores = len(os.sched_getaffinity(0))
    return Estimate(
        inputs=sum(sizes.values()),
        shards=len(sizes),
        finished=len(done),
        left=sum(size for number, size in sizes.items() if number not in done),
        sample=sample.tally.inputs,
        seconds={stage: taken / sample.tally.inputs for stage, taken in sample.tally.seconds.items()},
        workers=min(options.workers or cores, cores),
        bytes_per_input=sample.bytes / sample.tally.inputs,
        free=shutil.disk_usage(_existing(output.absolute())).free,
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was measured: counts and seconds, and the bytes of the results."""

    tally: Tally
    bytes: int


def _measure(
    shards: Inputs, numbers: Sequence[int], scratch: Path, *, model: Path, options: SurveyOptions
) -> _Sample:
    """Classify some inputs of some shards, one stage after the other."""
    preprocess = check_model(model).preprocess
    scorer = load_scorer(model, options, "")
    places = sorted({numbers[len(numbers) * place // PIECES] for place in range(PIECES)})
    pieces = [_piece(shards.shard(number)) for number in places]

    def windows(pieces: Iterable[Shard]) -> Iterator[tuple[Shard, Windows]]:
        for piece in pieces:
            yield (
                piece,
                read_shard(piece, preprocess=preprocess, store=shards.store, medium=options.medium),
            )

    list(predict_and_write(windows(pieces[:1]), scorer, ShardStore(scratch), options=options))  # compiles
    tally = Tally.of(predict_and_write(windows(pieces), scorer, ShardStore(scratch), options=options))
    return _Sample(tally, sum(path.stat().st_size for path in scratch.iterdir()))


def _piece(shard: Shard) -> Shard:
    return replace(shard, size=min(PIECE, shard.size), sources=shard.sources[:PIECE])


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
