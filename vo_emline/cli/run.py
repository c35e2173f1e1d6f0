"""``vo-emline run``: from labelled spectra and a survey to a release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vo_emline.cli import options


@click.command(short_help="Train, classify a survey, build the release.")
@options.sources
@click.option(
    "--survey",
    required=True,
    multiple=True,
    type=options.FOLDER_OR_FILE,
    metavar="DIR",
    help="Spectra to classify (LAMOST): files or folders, any layout, or a store of `vo-emline ingest`.",
)
@options.output("Run directory; an interrupted run goes on when started again.")
@options.known_option
@options.workers_option
@options.shard_size_option
@options.scoring
@options.settings
def run(
    *,
    training: tuple[Path, ...],
    labels: Path,
    survey: tuple[Path, ...],
    output: Path,
    unlabelled: tuple[Path, ...],
    known: tuple[str, ...],
    config: Path | None,
    **more: Any,
) -> None:
    """Train on labelled spectra, classify a survey, build the release of candidates.

    \b
    Example:
      vo-emline run --training ondrejov/ --labels labels.csv --survey lamost/ --output my-run
      vo-emline serve my-run

    With --unlabelled, a sample of the survey, the network learns what that survey looks like. The survey is
    classified as `vo-emline classify-survey` does it, and published as `vo-emline publish` does it.

    Settings: options here > environment (VO_EMLINE_RUN_TRAINING__EPOCHS=20) > --config > defaults. Everything
    a run used and made lies in RUN: config.toml, run.json, run.log, metrics.json, figures/, tables/, model/.
    """
    from vo_emline.cli.messages import narrate
    from vo_emline.runs.run import RunInputs, run_all
    from vo_emline.runs.settings import load_settings

    chosen = options.training_overrides(more) | {"survey": options.survey_overrides(more)}
    settings = load_settings(config, chosen | {"known": known or None})
    inputs = RunInputs(training=training, labels=labels, unlabelled=unlabelled, survey=survey)
    run_all(inputs, output, settings=settings, say=narrate)
    narrate(f"\nPublish it: vo-emline serve {output}")
