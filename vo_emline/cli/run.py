"""``vo-emline run``: from labelled spectra and a survey to a release."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER_OR_FILE = click.Path(exists=True, path_type=Path)


@click.command(short_help="Train, classify a survey, build the release.")
@click.option(
    "--training",
    required=True,
    multiple=True,
    type=FOLDER_OR_FILE,
    metavar="DIR",
    help="Labelled spectra (Ondřejov): files or folders, any layout.",
)
@click.option(
    "--labels",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Their labels: columns id,label; words or the codes "
    "0 emission, 1 absorption, 2 unknown, 3 double-peak.",
)
@click.option(
    "--survey",
    required=True,
    multiple=True,
    type=FOLDER_OR_FILE,
    metavar="DIR",
    help="Spectra to classify (LAMOST): files or folders, any layout, or a store of `vo-emline ingest`.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RUN",
    help="Run directory; an interrupted run goes on when started again.",
)
@click.option(
    "--simulate",
    type=click.IntRange(min=0),
    metavar="N",
    help="Simulated spectra that join the training set [default: as many as bring it to 12 000; 0 for none].",
)
@click.option(
    "--known",
    multiple=True,
    metavar="CATALOGUE",
    help="Objects known already, to say of each candidate what it is known as: a table (.csv, .vot, .fits), "
    "zhang2022 or another name of `vo-emline fetch archives`, or simbad. May be repeated.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Most passes over the training set.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of training; one seed, one result.")
@click.option(
    "--workers", type=click.IntRange(min=0), help="Processes that read files [default: one per core]."
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="TOML",
    help="Settings, as RUN/config.toml holds them.",
)
def run(
    *,
    training: tuple[Path, ...],
    labels: Path,
    survey: tuple[Path, ...],
    output: Path,
    simulate: int | None,
    known: tuple[str, ...],
    epochs: int | None,
    seed: int | None,
    workers: int | None,
    config: Path | None,
) -> None:
    """Train on labelled spectra, classify a survey, build the release of candidates.

    \b
    Example:
      vo-emline run --training ondrejov/ --labels labels.csv --survey lamost/ --output my-run
      vo-emline serve my-run

    Settings: options here > environment (VO_EMLINE_TRAINING__EPOCHS=20) > --config > defaults. Everything
    a run used and made lies in RUN: config.toml, run.json, run.log, metrics.json, figures/, tables/, model/.
    """
    from vo_emline.cli.remarks import narrate
    from vo_emline.runs import Inputs, load_settings, run_chain

    settings = load_settings(
        config,
        {
            "training": {"epochs": epochs, "seed": seed},
            "simulate": {"spectra": simulate},
            "known": known or None,
            "workers": workers,
        },
    )
    run_chain(Inputs(training=training, labels=labels, survey=survey), output, settings=settings, say=narrate)
    narrate(f"\nPublish it: vo-emline serve {output} --port 8000")
