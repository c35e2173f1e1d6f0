"""Progress on long work: a bar on a terminal or in a notebook; elsewhere a command says a line a minute.

A program that uses the package as a library, without a terminal, hears nothing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from tqdm.auto import tqdm

T = TypeVar("T")
_QUIET = {"quiet": False}
_LINES = {"lines": False}

EVERY: Final = 60.0
"""Time between two lines where there is no terminal, s; work that is done sooner says nothing."""


def set_quiet(quiet: bool) -> None:
    """Silence all bars (``--quiet``)."""
    _QUIET["quiet"] = quiet


def allow_lines() -> None:
    """Let long work say a line now and then where there is no terminal: for commands."""
    _LINES["lines"] = True


def is_quiet() -> bool:
    """Tell whether the user wants results and errors only (``--quiet``)."""
    return _QUIET["quiet"]


@contextmanager
def silence() -> Iterator[None]:
    """Show no bars inside: for work of which another process shows the progress."""
    before = _QUIET["quiet"]
    _QUIET["quiet"] = True
    try:
        yield
    finally:
        _QUIET["quiet"] = before


def track(
    items: Iterable[T] | None, description: str, *, total: int | None = None, unit: str = "spectra"
) -> tqdm[T]:
    """Wrap `items` in a progress bar with rate and remaining time.

    With ``items=None`` the bar is advanced by hand (``bar.update(n)``).
    """
    from tqdm import TqdmWarning  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # a notebook without ipywidgets has bars of text
        from tqdm.auto import tqdm
    terminal = sys.stderr.isatty()
    options: dict[str, Any] = {"total": total, "unit": f" {unit}", "smoothing": 0.1}
    if terminal or not _LINES["lines"]:
        options |= {"disable": _QUIET["quiet"] or not terminal, "dynamic_ncols": True}
    else:
        options |= {
            "disable": _QUIET["quiet"],
            "file": _Lines(),
            "bar_format": "{desc}: {n_fmt} of {total_fmt}{unit}, {elapsed} gone, {remaining} left{postfix}",
            "leave": False,
            **dict.fromkeys(("delay", "mininterval", "maxinterval"), EVERY),
        }
    bar: Any = tqdm(items, desc=description, **options)
    return cast("tqdm[T]", bar)


class _Lines:
    """A file for a bar: each of its states becomes a line on standard error."""

    def write(self, text: str) -> None:
        """Write what is not blank."""
        if line := text.strip("\r\n \x1b[A"):
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        """Make it visible."""
        sys.stderr.flush()
