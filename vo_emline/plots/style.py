"""One look for all figures: colour-blind-safe colours, Hα marked, medium stated."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec

from vo_emline.files import atomic_path
from vo_emline.labels import LABELS
from vo_emline.spectra import HALPHA_VAC

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

LABEL_COLOURS: Final = dict(zip(LABELS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
"""One colour per class (Okabe & Ito, colour-blind-safe)."""

SOURCE, TARGET, NEUTRAL = "#CC79A7", "#0072B2", "#6b6b6b"

_RC: Final[Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let `draw` work in the common style, leaving matplotlib's settings as they were."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib as mpl

        with mpl.rc_context(_RC):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """Give an empty figure of `width` × `height` inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def mark_halpha(axes: Axes) -> None:
    """Mark Hα (vacuum) on a wavelength axis."""
    axes.axvline(HALPHA_VAC, color=NEUTRAL, linestyle=":", linewidth=0.8, zorder=0)


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as PNG to `path` in one step."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
