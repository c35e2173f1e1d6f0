"""The demonstration: every part of the chain once, on simulated archives, with real protocols.

At its end what was found is judged against what is true.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import vo_emline as ve
from vo_emline.archives import FetchOptions, SpectrumRequest, SsaArchive, SsaQuery, fetch_spectra
from vo_emline.demo.archive import DemoArchive, simulate_archive
from vo_emline.errors import ArchiveError, EmlineError
from vo_emline.labels import LABELS
from vo_emline.runs.run import RunInputs, run_all
from vo_emline.runs.settings import RunSettings
from vo_emline.spectra.names import stem
from vo_emline.survey import read_scores
from vo_emline.training.metrics import proportion

STOP_SECONDS = 10


@contextmanager
def served(path: Path, *, log: Path) -> Iterator[str]:
    """Publish `path` by ``vo-emline serve`` on a free port while the block runs.

    Parameters
    ----------
    path
        A run directory, a release, or a folder of spectra.
    log
        File for what the service says.

    Yields
    ------
    str
        The service's address.

    Raises
    ------
    EmlineError
        The service did not come up; the message ends with the last lines of its log.
    """
    command = [sys.executable, "-m", "vo_emline", "serve", str(path), "--port", "0"]
    with log.open("ab") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)  # noqa: S603
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address.startswith("http"):
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise EmlineError("the service did not start: " + " | ".join([address, *tail]))
        yield address
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


STRONG_EW: Final = -3.0
"""Equivalent width beyond which emission is strong, Å (emission is negative)."""

STRONG_SNR: Final = 20.0
"""Signal-to-noise ratio per pixel from which a strong emitter must be found."""

LEAST_RECOVERED: Final = 0.90
MOST_FALSE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of what is there."""

    recovered: dict[str, Any]
    """Strong emitters that were called emission or double-peak."""
    false_positives: dict[str, Any]
    """Spectra without emission that were called positive."""
    confusion: npt.NDArray[np.int64]
    """True (rows) against predicted classes (columns) over the survey, shape (3, 3)."""

    @property
    def passed(self) -> bool:
        """Whether enough was recovered and little enough invented."""
        return bool(
            self.recovered["of"]
            and self.recovered["value"] >= LEAST_RECOVERED
            and self.false_positives["of"]
            and self.false_positives["value"] <= MOST_FALSE
        )


def judge(scores: pa.Table, truth: pa.Table) -> Verdict:
    """Compare the scores of a survey with what was simulated.

    A strong emitter that was rejected or never classified counts as missed.

    Parameters
    ----------
    scores
        One row per classified spectrum: ``source``, ``label``.
    truth
        One row per simulated spectrum: ``file``, ``label``, ``ew`` (Å), ``snr``.
    """
    found = {
        stem(source): label
        for source, label in zip(scores["source"].to_pylist(), scores["label"].to_pylist(), strict=True)
    }
    predicted = np.array([found.get(stem(name), "") for name in truth["file"].to_pylist()])
    true = np.array(truth["label"].to_pylist())
    positive = (predicted != "") & (predicted != LABELS[0])
    strong = (
        (true != LABELS[0]) & (truth["ew"].to_numpy() <= STRONG_EW) & (truth["snr"].to_numpy() > STRONG_SNR)
    )
    negative = (true == LABELS[0]) & (predicted != "")
    confusion = [[int(((true == t) & (predicted == p)).sum()) for p in LABELS] for t in LABELS]
    return Verdict(
        recovered=proportion(int((positive & strong).sum()), int(strong.sum())),
        false_positives=proportion(int((positive & negative).sum()), int(negative.sum())),
        confusion=np.array(confusion, dtype=np.int64),
    )


Say = Callable[[str], None]

QUERY = """SELECT TOP 5 designation, label, score, snr_r
FROM emline.candidates
WHERE score > 0.9
ORDER BY score DESC"""


def demonstrate(
    output: Path, *, settings: RunSettings, training_stars: int, survey_stars: int, say: Say
) -> Verdict:
    """Simulate archives, fetch the training spectra by SSA and DataLink, run, publish, query, judge.

    Every step that is done already is skipped, so that an interrupted
    demonstration goes on where it stood.

    Parameters
    ----------
    output
        Folder for the archives (``archive/``, ``fetched/``) and the run (``run/``).
    settings
        Settings of the run.
    training_stars, survey_stars
        Sizes of the two archives, in stars.
    say
        Receives what the user should read.

    Raises
    ------
    ArchiveError
        Training spectra could not be fetched.
    """
    output.mkdir(parents=True, exist_ok=True)
    say(f"Archives: simulating {2 * training_stars} Ondřejov-like and {survey_stars} LAMOST-like spectra")
    archive = simulate_archive(output / "archive", training_stars=training_stars, survey_stars=survey_stars)
    fetched = fetch_training(archive, output, say)
    run = run_all(
        RunInputs(training=(fetched,), labels=archive.labels, survey=(archive.survey,)),
        output / "run",
        settings=settings,
        say=say,
    )
    query_candidates(run.directory.root, log=output / "service.log", say=say)
    verdict = judge(read_scores(run.directory.survey), archive.read_truth())
    say("\n" + verdict_text(verdict))
    return verdict


def fetch_training(archive: DemoArchive, output: Path, say: Say) -> Path:
    """Serve the Ondřejov-like archive and fetch its spectra as one does from the real one."""
    fetched = output / "fetched"
    say("Virtual Observatory: serving that archive, finding its spectra by SSA, fetching them by DataLink")
    with served(archive.training, log=output / "service.log") as address:
        service = SsaArchive(url=f"{address}/ssa", concurrency=4, delay=0.0)
        report = fetch_spectra(
            service,
            SsaQuery(maxrec=1_000_000),
            fetched,
            options=FetchOptions(request=SpectrumRequest(calibration="normalized", medium="air")),
        )
    say("  " + report.summary())
    if not report.complete or report.missing:
        raise ArchiveError("training spectra could not all be fetched; start again to fetch the rest")
    return fetched


def query_candidates(run: Path, *, log: Path, say: Say) -> None:
    """Publish the run and put one ADQL query to it through pyvo."""
    say("Service: publishing the run and asking it by ADQL, through pyvo")
    with served(run, log=log) as address:
        candidates = ve.connect(address).adql(QUERY)
    say("  " + QUERY.replace("\n", "\n  "))
    say("  " + "\n  ".join(candidates.to_table().pformat()))


def verdict_text(verdict: Verdict) -> str:
    """Say what was found, and whether it is enough."""
    found, false = verdict.recovered, verdict.false_positives
    return f"""Against the truth of the simulated survey
  strong emitters (EW < {STRONG_EW:.0f} Å, S/N > {STRONG_SNR:.0f}): found {found["count"]} of {found["of"]}; \
at least {LEAST_RECOVERED:.0%} are required
  spectra without emission called positive: {false["count"]} of {false["of"]}; \
at most {MOST_FALSE:.0%} are allowed
  {"passed" if verdict.passed else "FAILED"}"""


def clear(output: Path) -> None:
    """Remove what an earlier demonstration left in `output`."""
    for name in ("archive", "fetched", "run"):
        shutil.rmtree(output / name, ignore_errors=True)
