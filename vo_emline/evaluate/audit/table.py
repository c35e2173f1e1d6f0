"""The CSV of a sample: written for people to label, and read again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv as arrow_csv

from vo_emline.errors import UserError
from vo_emline.evaluate.audit.estimate import Stratum
from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.training.labelled import UNKNOWN, parse_label

COLUMNS: Final = ("id", "file", "score", "predicted", "stratum", "stratum_size", "weight", "label")
"""Columns of the sample, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSample:
    """What a labelled CSV says."""

    strata: tuple[Stratum, ...]
    blank: int
    """Spectra that nobody has labelled yet."""
    unknown: int
    """Spectra of which nobody could tell."""


def write_sample(path: Path, sample: pa.Table) -> None:
    """Write a sample as CSV, atomically; an existing file, which may hold labels, stays.

    Raises
    ------
    UserError
        `path` exists.
    """
    if path.exists():
        raise UserError(f"{path} exists and may hold labels; remove it or give another name")
    with atomic_path(path) as temporary:
        arrow_csv.write_csv(
            sample.select(list(COLUMNS)), temporary, arrow_csv.WriteOptions(quoting_style="needed")
        )


def read_sample(path: Path) -> LabelledSample:
    """Read a sample in which people filled the column ``label``.

    Labels are those of :func:`~vo_emline.training.labelled.read_labels`.
    Spectra with none, or with ``unknown``, count as not drawn: those of their
    stratum that have a label stand for them.

    Raises
    ------
    UserError
        The file cannot be read, lacks a column, or a cell makes no sense.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = sorted({"stratum", "stratum_size", "predicted", "label"} - set(reader.fieldnames or ()))
            if missing:
                raise UserError(f"{path} lacks the columns {', '.join(missing)}; is it from `audit draw`?")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the sample cannot be read: {error}") from error
    return _summarise(path, rows)


def _summarise(path: Path, rows: Sequence[tuple[int, dict[str, Any]]]) -> LabelledSample:
    labels = [_label(path, line, row["label"]) for line, row in rows]
    designs: dict[str, tuple[int, bool]] = {}
    counts: dict[str, list[int]] = {}
    for (line, row), label in zip(rows, labels, strict=True):
        design = (_size(path, line, row["stratum_size"]), row["predicted"] != LABELS[ABSORPTION])
        if designs.setdefault(row["stratum"], design) != design:
            raise UserError(f"{path}, line {line}: stratum {row['stratum']} has two sizes or classes")
        count = counts.setdefault(row["stratum"], [0, 0])
        count[0] += label in LABELS
        count[1] += label in LABELS[1:]
    return LabelledSample(
        strata=tuple(
            Stratum(name=name, size=size, positive=positive, labelled=counts[name][0], hits=counts[name][1])
            for name, (size, positive) in sorted(designs.items())
        ),
        blank=labels.count(""),
        unknown=labels.count(UNKNOWN),
    )


def _label(path: Path, line: int, text: str | None) -> str:
    if not (text or "").strip():
        return ""
    label = parse_label(text or "")
    if label is None:
        words = ", ".join((*LABELS, UNKNOWN))
        raise UserError(f"{path}, line {line}: label {text!r} is none of {words} or 0-3")
    return label


def _size(path: Path, line: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{path}, line {line}: stratum_size {text!r} is no number") from None
