"""``vo-emline simulate-survey``: a survey of any size with known truth, to try and to measure things on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from vo_emline.cli.options import windows_of_run_option, workers_option


@click.command(short_help="Simulate a survey of any size, as a store of windows or as FITS.")
@click.option(
    "--n",
    required=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many spectra (2_000_000 is as good as 2000000).",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to; an interrupted simulation goes on when started again.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["store", "fits"]),
    default="store",
    show_default=True,
    help="A store of windows, as ingest makes one, or FITS files as LAMOST writes them.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same bytes, whatever the number of processes.",
)
@click.option(
    "--prevalence",
    type=click.FloatRange(0.0, 1.0),
    default=0.01,
    show_default=True,
    help="Share of spectra with emission at Hα.",
)
@windows_of_run_option
@workers_option
def simulate_survey(
    *,
    n: int,
    output: Path,
    form: Literal["store", "fits"],
    seed: int,
    prevalence: float,
    run_directory: Path | None,
    workers: int | None,
) -> None:
    """Simulate LAMOST-like spectra whose class is known.

    \b
    Examples:
      vo-emline simulate-survey --n 2_000_000 --output big-store
      vo-emline classify-survey big-store --run my-run --output result
      vo-emline simulate-survey --n 10_000 --format fits --output files

    A store takes 1.7 kB and some 20 µs of one core for each spectrum, as its spectra are variations of 8192
    stars that are simulated in full. Each is one of these stars, moved in velocity, at a new place, epoch and
    S/N, with new photon noise, and with the sky residue, response and cosmic rays drawn for it. What is true
    of each is in truth-*.parquet, row for row. So few stars are good for measuring speed, memory and
    services; train and judge a network on others.

    FITS files (80 kB, some 10 ms each) are simulated star by star, in folders of 1000, each with truth.csv.
    """
    from vo_emline.cli.messages import remark
    from vo_emline.preprocess import PreprocessOptions
    from vo_emline.rundir import RunDirectory
    from vo_emline.survey.synthetic import (
        FILES_PER_FOLDER,
        Synthetic,
        simulate_files,
        simulate_store,
    )
    from vo_emline.training.description import ModelDescription

    if form == "fits":
        survey = Synthetic(n=n, seed=seed, prevalence=prevalence, shard_size=FILES_PER_FOLDER)
        classes = simulate_files(output, survey, workers=workers or 0)
    else:
        preprocess = PreprocessOptions()
        if run_directory is not None:
            preprocess = ModelDescription.read(RunDirectory(run_directory).model).preprocess
        survey = Synthetic(n=n, seed=seed, prevalence=prevalence)
        classes = simulate_store(output, survey, preprocess=preprocess, workers=workers or 0)
    for label, count in classes.most_common():
        remark(f"{count:10d}  {label}")
