"""Values as text, whole columns at once (Arrow kernels), and rows joined to lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.candidates.votable import contiguous

_CONTROL: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
"""Characters that XML 1.0 cannot hold (section 2.2)."""
_SPECIAL: Final = bytes({*range(0x20)} - {*b"\t\n"}) + b"&<>"
"""Bytes of UTF-8 that do not stand for themselves in XML."""


def join_rows(cells: Sequence[pa.Array], *, start: str, separator: str, end: str) -> bytes:
    """Join columns of text (no NULLs) to rows ``start cell separator cell … end``, one after the other."""
    first = pc.binary_join_element_wise(pa.scalar(start), cells[0], "")
    last = pc.binary_join_element_wise(cells[-1], pa.scalar(end), "") if len(cells) > 1 else None
    if last is None:
        lines = pc.binary_join_element_wise(first, pa.scalar(end), "")
    else:
        lines = pc.binary_join_element_wise(first, *cells[1:-1], last, separator)
    return contiguous(lines)


def number_text(array: pa.Array, *, nan: str, infinity: str, null: str) -> pa.Array:
    """Write numbers so that reading gives the same number; `infinity` is prefixed by ``-`` where negative."""
    text = array.cast(pa.string())
    if pa.types.is_floating(array.type) and not pc.all(pc.is_finite(array)).as_py():
        text = pc.if_else(pc.is_nan(array), nan, text)
        text = pc.if_else(pc.is_inf(array), pc.if_else(pc.less(array, 0), f"-{infinity}", infinity), text)
    return pc.fill_null(text, null) if array.null_count else text


def boolean_text(array: pa.Array, *, null: str) -> pa.Array:
    """Write booleans as ``true`` and ``false``."""
    return pc.fill_null(array.cast(pa.string()), null)


def list_text(
    array: pa.Array, write: Callable[[pa.Array], pa.Array], *, separator: str, null: str
) -> pa.Array:
    """Write arrays of numbers: each element by `write`, joined by `separator`."""
    elements = write(array.flatten())
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    offsets = pa.array([0, *pc.cumulative_sum(lengths).to_pylist()], pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, elements), separator)
    return pc.if_else(array.is_valid(), joined, null)


def xml_text(array: pa.Array) -> pa.Array:
    """Escape text for XML; what XML cannot hold becomes U+FFFD."""
    text = pc.fill_null(array, "") if array.null_count else array
    raw = contiguous(text)
    if len(raw.translate(None, _SPECIAL)) == len(raw):
        return text
    text = pc.replace_substring(text, "&", "&amp;")
    text = pc.replace_substring(pc.replace_substring(text, "<", "&lt;"), ">", "&gt;")
    text = pc.replace_substring(text, "\r", "&#13;")
    return pc.replace_substring_regex(text, _CONTROL, "\ufffd")
