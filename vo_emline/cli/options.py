"""Options that several commands share, each described once: what to learn from, how to classify."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

STANDARD_INPUT: Final = "-"
"""Name of the list that is given by standard input."""


def standard_input() -> Path:
    """Keep the list of files given by standard input, and give where: the same list has the same name.

    Raises
    ------
    UserError
        It is no text.
    """
    from vo_emline.errors import UserError
    from vo_emline.files import write_bytes
    from vo_emline.net.cache import cache_directory

    content = sys.stdin.buffer.read()
    if not content.strip() or b"\0" in content:
        raise UserError("standard input (-) is read as a list: the name of a spectrum's file on each line")
    here = f"# names are relative to {Path.cwd()}\n".encode()
    path = cache_directory() / "lists" / f"{hashlib.sha256(here + content).hexdigest()[:16]}.lst"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, here + content)
    return path


class SpectraPath(click.Path):
    """Files and folders that exist, spectra of files (``file.fits[2]``, ``file.fits#row=3``), and ``-``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the path; see that the file of a part exists."""
        said = str(value)
        if said == STANDARD_INPUT:
            return standard_input()
        if said.endswith("]") or "#row=" in said:
            from vo_emline.spectra import file_of

            super().convert(file_of(said), param, ctx)
            return Path(said)
        return super().convert(value, param, ctx)


FOLDER_OR_FILE: Final = SpectraPath(exists=True, path_type=Path)
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)

Command = Callable[..., Any]


class Shares(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """Three positive numbers with commas: the share of each class."""

    name = "A,E,D"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        """Read ``0.98,0.014,0.006``."""
        try:
            absorption, emission, double = (float(word) for word in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} are no three numbers with commas, such as 0.98,0.014,0.006", param, ctx)
        if not min(absorption, emission, double) > 0:
            self.fail(f"{value!r}: every class needs a positive share", param, ctx)
        return absorption, emission, double


workers_option = click.option(
    "--workers", type=click.IntRange(min=0), help="Processes [default: one per core]."
)

shard_size_option = click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Files per shard: what is done again at most after an interruption [default: 4000].",
)

run_option = click.option(
    "--run",
    "run_directory",
    metavar="RUN",
    type=FOLDER,
    help="Directory of a trained run (`vo-emline run`, `train`, `demo`) "
    "[default: the model that comes with the package].",
)

windows_of_run_option = click.option(
    "--run",
    "run_directory",
    metavar="RUN",
    type=FOLDER,
    help="Make the windows as this trained run wants them [default: the default settings].",
)

known_option = click.option(
    "--known",
    multiple=True,
    metavar="CATALOGUE",
    help="Objects known already, to say of each candidate what it is known as: a table (.csv, .vot, .fits), "
    "a HATS catalogue (its folder or address), "
    "zhang2022 or another name of `vo-emline fetch archives`, or simbad. May be repeated.",
)

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
    click.option(
        "--unlabelled",
        multiple=True,
        type=FOLDER_OR_FILE,
        metavar="DIR",
        help="Survey spectra without labels to learn from: files or folders, or a store of "
        "`vo-emline ingest`. They serve as negatives, and as hosts into which emission is put; stars that "
        "--labels calls emission, and spectra with a strong line, are left out.",
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

medium_option = click.option(
    "--medium",
    type=click.Choice(["air", "vacuum"]),
    help="Medium of the wavelengths of files that are not LAMOST's own "
    "[default: what they state, else their survey's, else air, flagged medium_assumed].",
)

_SCORING: Final = (
    click.option(
        "--cascade/--no-cascade",
        default=None,
        help="Let a small network screen, where the model has one: several times faster, at most one in a "
        "thousand emitters missed [default: cascade].",
    ),
    click.option(
        "--class-shares",
        type=Shares(),
        help="Stated share of absorption, emission and double-peak among the spectra "
        "[default: 0.98,0.014,0.006].",
    ),
    click.option(
        "--uncertain-below",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Flag a spectrum *uncertain* whose most probable class has less [default: 0.6].",
    ),
    click.option(
        "--low-snr",
        type=click.FloatRange(min=0),
        metavar="X",
        help="Flag a spectrum *low_snr* with a lower S/N per pixel in r [default: 5].",
    ),
    medium_option,
)


def sources(command: Command) -> Command:
    """Add the options that name what is learnt from."""
    return _add(command, _SOURCES)


def settings(command: Command) -> Command:
    """Add the options of training."""
    return _add(command, _SETTINGS)


def scoring(command: Command) -> Command:
    """Add the options on which labels, scores and flags depend."""
    return _add(command, _SCORING)


def output(text: str) -> Callable[[Command], Command]:
    """Add the option that names the run directory."""
    path = click.Path(file_okay=False, path_type=Path)
    return click.option("--output", required=True, type=path, metavar="RUN", help=text)


def training_overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Give the options of training as settings of a run."""
    return {
        "training": {name: options[name] for name in ("epochs", "seed", "balance")},
        "simulate": {"spectra": options["simulate"]},
    }


def survey_overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Give the options of classification as settings of a survey."""
    names = ("cascade", "class_shares", "uncertain_below", "low_snr", "medium", "workers", "shard_size")
    return {name: options.get(name) for name in names}


def _add(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
