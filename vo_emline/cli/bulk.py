"""Options of the commands that work on any number of spectra."""

from __future__ import annotations

from pathlib import Path

import click

workers_option = click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Processes [default: one per core]."
)

shard_size_option = click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=4000,
    show_default=True,
    help="Files per shard: what is done again at most after an interruption.",
)

windows_of_run_option = click.option(
    "--run",
    "run_directory",
    metavar="RUN",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Make the windows as this trained run wants them [default: the default settings].",
)
