"""What ``vo-emline train`` and ``vo-emline run`` ask alike: what to learn from, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

FOLDER_OR_FILE: Final = click.Path(exists=True, path_type=Path)

Command = Callable[..., Any]

_SOURCES: Final = (
    click.option(
        "--training",
        required=True,
        multiple=True,
        type=FOLDER_OR_FILE,
        metavar="DIR",
        help="Labelled spectra (Ondřejov): files or folders, any layout.",
    ),
    click.option(
        "--labels",
        required=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="CSV",
        help="Their labels: columns id,label; words or the codes "
        "0 emission, 1 absorption, 2 unknown, 3 double-peak.",
    ),
)

_SETTINGS: Final = (
    click.option(
        "--simulate",
        type=click.IntRange(min=0),
        metavar="N",
        help="Simulated spectra that join the training set "
        "[default: as many as bring it to 12 000, 6000 at least; 0 for none].",
    ),
    click.option(
        "--balance",
        type=click.Choice(["smote", "weights", "none"]),
        help="How unequal classes are levelled out: synthetic windows, class weights, or not at all. "
        "Probabilities are corrected to the stated class shares in any case.",
    ),
    click.option("--epochs", type=click.IntRange(min=1), help="Most passes over the training set."),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of training; one seed, one result."),
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="TOML",
        help="Settings, as RUN/config.toml holds them.",
    ),
)


def sources(command: Command) -> Command:
    """Add the options that name the labelled spectra."""
    return _add(command, _SOURCES)


def settings(command: Command) -> Command:
    """Add the options of training."""
    return _add(command, _SETTINGS)


def output(text: str) -> Callable[[Command], Command]:
    """Add the option that names the run directory."""
    path = click.Path(file_okay=False, path_type=Path)
    return click.option("--output", required=True, type=path, metavar="RUN", help=text)


def unlabelled(*names: str) -> Callable[[Command], Command]:
    """Add the option, called `names`, that names survey spectra without labels."""
    return click.option(
        *names,
        "unlabelled",
        multiple=True,
        type=FOLDER_OR_FILE,
        metavar="DIR",
        help="Survey spectra without labels to learn from: files or folders, or a store of "
        "`vo-emline ingest`. They serve as negatives, and as hosts into which emission is put; stars that "
        "--labels calls emission, and spectra with a strong line, are left out.",
    )


def overrides(
    *, simulate: int | None, balance: str | None, epochs: int | None, seed: int | None
) -> dict[str, Any]:
    """Give the options of training as settings of a run."""
    return {
        "training": {"epochs": epochs, "seed": seed, "balance": balance},
        "simulate": {"spectra": simulate},
    }


def _add(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
