"""What a command tells its user beside results: steps, remarks, and how it ends where it failed."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import click

from vo_emline.errors import EmlineError
from vo_emline.progress import is_quiet

if TYPE_CHECKING:
    from vo_emline.spectra import PassedOver

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""

_DISTRIBUTIONS: Final = {
    "imblearn": "imbalanced-learn",
    "orbax": "orbax-checkpoint",
    "sklearn": "scikit-learn",
}
"""Packages that are imported by another name than they are installed by."""

_OF_EXTRA: Final = re.compile(r"(?P<package>[\w.-]+).*; extra == ['\"](?P<extra>[\w-]+)['\"]")
"""A requirement as installed metadata states it (Core metadata, ``Requires-Dist``)."""


def failure(error: BaseException) -> tuple[str, int] | None:
    """Explain what ended a command.

    Returns
    -------
    tuple or None
        What to tell the user and the exit code; None for what only a defect
        of the program can raise, where the traceback says more.
    """
    match error:
        case EmlineError():
            return f"error: {error}", error.exit_code
        case KeyboardInterrupt() | click.Abort():
            return "interrupted; start the same command again to continue", INTERRUPTED
        case ModuleNotFoundError(name=str(module)) if extra := extra_of(module):
            return (
                f"error: this needs the package {module.partition('.')[0]}, which is not installed: "
                f"pip install 'vo-emline[{extra}]' (or 'vo-emline[all]' for everything)"
            ), 2
        case OSError(errno=int(number)):
            where = f"{error.filename}: " if error.filename else ""
            return f"error: {where}{os.strerror(number)}", 1
        case _:
            return None


def extra_of(module: str) -> str | None:
    """Name the extra of this package that brings `module` and least beside it; None where none does."""
    from importlib.metadata import requires  # slow to import

    top = module.partition(".")[0]
    wanted = _DISTRIBUTIONS.get(top, top).replace("_", "-")
    extras: defaultdict[str, list[str]] = defaultdict(list)
    for requirement in requires("vo-emline") or ():
        if found := _OF_EXTRA.match(requirement):
            extras[found["extra"]].append(found["package"].lower().replace("_", "-"))
    return min(
        (name for name in extras if wanted in extras[name]), key=lambda name: len(extras[name]), default=None
    )


def remark(text: str) -> None:
    """Say something that is no result."""
    if not is_quiet():
        click.echo(text, err=True)


def remark_passed_over(passed_over: PassedOver, *, width: int = 8) -> None:
    """Say which files of folders were not tried, by reason, with the first of each."""
    for why, count in passed_over.counts.most_common():
        first = os.path.basename(passed_over.examples[why][0])  # noqa: PTH119  text is all that is needed
        remark(f"{count:{width}d}  passed over: {why} ({first}{', …' if count > 1 else ''})")


def narrate(text: str) -> None:
    """Tell a step of a long command, on standard output."""
    if not is_quiet():
        click.echo(text)
