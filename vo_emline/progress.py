"""Progress on long work: a bar on a terminal or in a notebook, silence elsewhere."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from tqdm.auto import tqdm

T = TypeVar("T")
_QUIET = {"quiet": False}


def set_quiet(quiet: bool) -> None:
    """Silence all bars (``--quiet``)."""
    _QUIET["quiet"] = quiet


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
    disable = _QUIET["quiet"] or not sys.stderr.isatty()
    options: dict[str, Any] = {"total": total, "unit": f" {unit}", "disable": disable}
    bar: Any = tqdm(items, desc=description, dynamic_ncols=True, smoothing=0.1, **options)
    return cast("tqdm[T]", bar)
