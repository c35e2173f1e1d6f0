"""A spectrum drawn with characters (braille patterns), for terminals."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

_DOTS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a braille pattern (Unicode block U+2800): four rows of two dots."""


def draw(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    *,
    width: int = 72,
    height: int = 16,
    mark: float | None = None,
) -> str:
    """Draw y over x as a line of braille dots, with axes.

    Parameters
    ----------
    x
        Ascending, shape (n,).
    y
        Shape (n,); NaN leaves a gap.
    width, height
        Size of the plot in characters, labels not counted.
    mark
        A value of x marked below the axis.

    Returns
    -------
    str
        ``height`` + 2 lines.
    """
    finite = np.isfinite(y)
    if not finite.any():
        return "(no data)"
    low, high = float(np.min(y[finite])), float(np.max(y[finite]))
    cells = _cells(x, y, (low, high), (width, height))
    rows = ["".join(chr(0x2800 + int(bits)) for bits in row) for row in cells]
    labels = [f"{high:9.3g} ┤", *(["          │"] * (height - 2)), f"{low:9.3g} ┤"]
    lines = [label + row for label, row in zip(labels, rows, strict=True)]
    return "\n".join([*lines, _axis(x, width, mark), _ticks(x, width)])


def _cells(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    limits: tuple[float, float],
    size: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """Set the dots of a line; give the bits of each character, shape (height, width)."""
    width, height = size
    columns = np.linspace(x[0], x[-1], 2 * width)
    span = (limits[1] - limits[0]) or 1.0
    level = np.interp(columns, x, np.where(np.isfinite(y), y, np.nan))
    rows = (limits[1] - level) / span * (4 * height - 1)
    cells = np.zeros((height, width), dtype=np.int64)
    previous = np.nan
    for column, row in enumerate(rows):
        if np.isfinite(row):
            start = previous if np.isfinite(previous) else row
            for dot in range(round(min(start, row)), round(max(start, row)) + 1):
                cells[dot // 4, column // 2] |= _DOTS[dot % 4, column % 2]
        previous = row
    return cells


def _axis(x: npt.NDArray[np.floating], width: int, mark: float | None) -> str:
    line = ["─"] * width
    if mark is not None and x[0] <= mark <= x[-1]:
        line[_place(x, width, mark)] = "┴"
    return "          └" + "".join(line)


def _ticks(x: npt.NDArray[np.floating], width: int) -> str:
    first, middle, last = (f"{value:.0f}" for value in (x[0], (x[0] + x[-1]) / 2, x[-1]))
    return " " * 11 + first + middle.center(width - len(first) - len(last)) + last


def _place(x: npt.NDArray[np.floating], width: int, value: float) -> int:
    return min(int((value - x[0]) / (x[-1] - x[0]) * width), width - 1)
