"""``vo-emline demo``: the whole chain on simulated archives."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(short_help="The whole chain on a simulated archive, to see it work.")
@click.option(
    "--output",
    default="demo-run",
    show_default=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything goes.",
)
@click.option(
    "--training-stars",
    default=450,
    show_default=True,
    type=click.IntRange(min=50),
    help="Stars of the Ondřejov-like archive, two spectra each.",
)
@click.option(
    "--survey-stars",
    default=1000,
    show_default=True,
    type=click.IntRange(min=50),
    help="Stars of the LAMOST-like survey, one spectrum each.",
)
@click.option(
    "--fill",
    default=7000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Size of the training set, filled up with simulated windows.",
)
@click.option(
    "--epochs",
    default=6,
    show_default=True,
    type=click.IntRange(min=1),
    help="Most passes over the training set.",
)
@click.option("--fresh", is_flag=True, help="Begin anew instead of continuing.")
def demo(
    *, output: Path, training_stars: int, survey_stars: int, fill: int, epochs: int, fresh: bool
) -> None:
    """Run every part of the chain once, in minutes, on simulated archives.

    Ondřejov-like spectra are simulated, published by SSA and DataLink, found and fetched with pyvo, adapted
    to LAMOST and used to train the network. It classifies a simulated LAMOST survey; the candidates are
    published by TAP and queried by ADQL. The result is compared with the truth: the exit code is 1 where
    fewer than 90 % of the strong emitters are found or more than 2 % of the others are called positive.
    """
    from vo_emline.cli.messages import narrate
    from vo_emline.demo import clear, demonstrate
    from vo_emline.runs.settings import load_settings

    if fresh:
        clear(output)
    settings = load_settings(
        None,
        {
            "training": {"epochs": epochs},
            "simulate": {"fill": fill},
            "lines": {"stars": 3 * fill},
            "student": {"stars": 0},
        },
    )
    verdict = demonstrate(
        output, settings=settings, training_stars=training_stars, survey_stars=survey_stars, say=narrate
    )
    narrate(f"\nFigures: {output / 'run' / 'figures'}")
    narrate(f"Keep the service up: vo-emline serve {output / 'run'}")
    sys.exit(0 if verdict.passed else 1)
