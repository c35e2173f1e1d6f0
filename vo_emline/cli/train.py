"""``vo-emline train``: a network from labelled spectra and unlabelled ones of the survey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vo_emline.cli import options


@click.command(short_help="Train a network on labelled spectra; adapt it to a survey.")
@options.sources
@options.output("Run directory; an interrupted training goes on when started again.")
@click.option(
    "--from",
    "base",
    metavar="RUN|default",
    help="Refine the model of this run, or the one that comes with the package, instead of training anew: "
    "its last layer, second stage and calibration, in minutes. Refused where what it knew would suffer.",
)
@options.settings
def train(
    *,
    training: tuple[Path, ...],
    labels: Path,
    unlabelled: tuple[Path, ...],
    output: Path,
    base: str | None,
    config: Path | None,
    **more: Any,
) -> None:
    """Train a network and calibrate it; every other command takes it by --run RUN.

    \b
    Examples:
      vo-emline fetch ondrejov --labels labels.csv --output ondrejov/
      vo-emline train --training ondrejov/ --labels labels.csv --unlabelled lamost-store/ --output my-run
      vo-emline train --from default --training mine/ --labels mine.csv --output refined
      vo-emline classify spectrum.fits --run my-run --output result.csv

    Stars are on one side of the split only; the metrics printed are of stars that training has not seen.
    --unlabelled is what makes a network hold on a survey: a few hundred spectra of it, without labels.

    Settings: options here > environment (VO_EMLINE_RUN_TRAINING__EPOCHS=20) > --config > defaults. RUN holds
    config.toml, run.json, run.log, training/, model/, metrics.json and figures/. `vo-emline run` with these
    arguments and --survey goes on from there: it classifies that survey and builds the release.
    """
    from vo_emline.cli.messages import narrate
    from vo_emline.runs.refine import refine_run
    from vo_emline.runs.report import draw_training, metrics_text
    from vo_emline.runs.settings import load_settings
    from vo_emline.runs.train import TrainingInputs, train_run

    inputs = TrainingInputs(training=training, labels=labels, unlabelled=unlabelled)
    settings = load_settings(config, options.training_overrides(more))
    if base is not None:
        refine_run(inputs, base, output, settings=settings, say=narrate)
    else:
        run = train_run(inputs, output, settings=settings, say=narrate)
        for path in draw_training(run):
            narrate(f"  {path}")
        click.echo(metrics_text(run))
    narrate(f"\nUse it: vo-emline classify PATH... --run {output} --output result.csv")
