"""``vo-emline run``: from labelled spectra and a survey to a release."""

from __future__ import annotations

from pathlib import Path

import click

from vo_emline.cli import lessons


@click.command(short_help="Train, classify a survey, build the release.")
@lessons.sources
@click.option(
    "--survey",
    required=True,
    multiple=True,
    type=lessons.FOLDER_OR_FILE,
    metavar="DIR",
    help="Spectra to classify (LAMOST): files or folders, any layout, or a store of `vo-emline ingest`.",
)
@lessons.output("Run directory; an interrupted run goes on when started again.")
@lessons.unlabelled("--unlabelled")
@click.option(
    "--known",
    multiple=True,
    metavar="CATALOGUE",
    help="Objects known already, to say of each candidate what it is known as: a table (.csv, .vot, .fits), "
    "zhang2022 or another name of `vo-emline fetch archives`, or simbad. May be repeated.",
)
@click.option(
    "--workers", type=click.IntRange(min=0), help="Processes that read files [default: one per core]."
)
@lessons.settings
def run(
    *,
    training: tuple[Path, ...],
    labels: Path,
    survey: tuple[Path, ...],
    output: Path,
    unlabelled: tuple[Path, ...],
    known: tuple[str, ...],
    simulate: int | None,
    balance: str | None,
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

    With --unlabelled, a sample of the survey, the network learns what that survey looks like.

    Settings: options here > environment (VO_EMLINE_RUN_TRAINING__EPOCHS=20) > --config > defaults. Everything
    a run used and made lies in RUN: config.toml, run.json, run.log, metrics.json, figures/, tables/, model/.
    """
    from vo_emline.cli.remarks import narrate
    from vo_emline.runs.chain import Inputs, run_chain
    from vo_emline.runs.settings import load_settings

    chosen = lessons.overrides(simulate=simulate, balance=balance, epochs=epochs, seed=seed)
    settings = load_settings(config, chosen | {"known": known or None, "workers": workers})
    inputs = Inputs(training=training, labels=labels, unlabelled=unlabelled, survey=survey)
    run_chain(inputs, output, settings=settings, say=narrate)
    narrate(f"\nPublish it: vo-emline serve {output}")
