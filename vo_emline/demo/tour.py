"""The demonstration: every part of the chain once, on simulated archives, with real protocols."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import vo_emline as ve
from vo_emline.archives import FetchOptions, SpectrumRequest, SsaArchive, SsaQuery, fetch_spectra
from vo_emline.demo.archive import DemoArchive, simulate_archive
from vo_emline.demo.serving import served
from vo_emline.demo.verdict import LEAST_RECOVERED, MOST_FALSE, STRONG_EW, STRONG_SNR, Verdict, judge
from vo_emline.errors import ArchiveError
from vo_emline.runs.run import RunInputs, run_all
from vo_emline.runs.settings import RunSettings
from vo_emline.survey import read_scores

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
