"""Labels of people for spectra: reading the CSV and matching its rows to files."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import UserError
from vo_emline.labels import BY_PROFILE, LABELS, UNKNOWN, parse_profile
from vo_emline.spectra.names import short_name, stem

logger = logging.getLogger(__name__)

UNLABELLED: Final = -1
"""Class index of spectra that have no usable label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMatch:
    """Which spectrum has which label, and what is left over on either side."""

    label: npt.NDArray[np.int64]
    """Index into :data:`~vo_emline.labels.LABELS` per spectrum, :data:`UNLABELLED` for none, shape (n,)."""
    n_unknown: int
    """Spectra dropped because their label is *unknown*."""
    unlabelled: tuple[str, ...]
    """Sources of spectra that no row names."""
    unmatched: tuple[str, ...]
    """Identifiers of rows that name no spectrum at hand."""

    @property
    def labelled(self) -> npt.NDArray[np.int64]:
        """Indices of the spectra that have a label."""
        return np.flatnonzero(self.label != UNLABELLED)


def read_labels(path: Path) -> dict[str, str]:
    """Read a CSV with the columns ``id`` and ``label``; rows without a label are left out.

    Labels are words (``absorption``, ``emission``, ``double-peak``, ``unknown``, or profiles of
    :data:`~vo_emline.labels.PROFILES`; case, blanks and underscores do not matter) or the codes of the thesis
    (:data:`~vo_emline.labels.ONDREJOV_CODES`). Exports of ``vo-emline label`` are such tables.

    Returns
    -------
    dict
        Identifier as written → label as a word.

    Raises
    ------
    UserError
        The file cannot be read, lacks a column, or a row has a label that is
        none of these or contradicts an earlier row of the same spectrum.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if not {"id", "label"} <= set(reader.fieldnames or ()):
                raise UserError(f"{path}: the first line must name the columns id and label")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise UserError(f"{path}, line {reader.line_num}: not as many cells as in the first line")
                if row["label"].strip():
                    name = row.get("file") or row.get("publisher_did")
                    rows.append((reader.line_num, row["id"], row["label"], name))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the labels cannot be read: {error}") from error
    return _by_identifier(path, rows)


def _by_identifier(path: Path, rows: Sequence[tuple[int, str, str, str | None]]) -> dict[str, str]:
    labels: dict[str, str] = {}
    seen: dict[str, str] = {}
    whole: dict[str, set[str | None]] = {}
    for _, identifier, _, name in rows:
        whole.setdefault(short_name(identifier), set()).add(name)
    for line, identifier, text, name in rows:
        label = parse_label(text)
        if label is None:
            words = ", ".join((*LABELS, UNKNOWN))
            raise UserError(f"{path}, line {line}: label {text!r} is none of {words} or 0-3")
        if name and len(whole[short_name(identifier)]) > 1:
            labels[name] = label  # files of one name in several folders are spectra of their own
            continue
        if seen.setdefault(short_name(identifier), label) != label:
            raise UserError(
                f"{path}, line {line}: {identifier} has two different labels; where several people gave "
                "them, `vo-emline label export` makes one of theirs"
            )
        labels[identifier] = label
    return labels


def parse_label(text: str) -> str | None:
    """Give the label that a cell means, None when it means none.

    Profiles that a network is taught nothing of (:data:`~vo_emline.labels.PROFILES`) are ``unknown`` to it.

    >>> parse_label("Double peak"), parse_label("0"), parse_label("P Cygni"), parse_label("nova")
    ('double-peak', 'emission', 'emission', None)
    """
    profile = parse_profile(text)
    return None if profile is None else BY_PROFILE[profile].label or UNKNOWN


def match_labels(identity: pa.Table, labels: Mapping[str, str]) -> LabelMatch:
    """Match labels to spectra by file or publisher DID, or else by the last part of either.

    Parameters
    ----------
    identity
        One row per spectrum, at least the columns ``source`` and ``publisher_did``.
    labels
        What :func:`read_labels` gave.
    """
    meant: dict[str, set[str]] = {}
    for identifier, label in labels.items():
        meant.setdefault(short_name(identifier), set()).add(label)
    by_name = {name: next(iter(said)) for name, said in meant.items() if len(said) == 1} | dict(labels)
    sources: list[str] = identity["source"].to_pylist()
    dids: list[str | None] = identity["publisher_did"].to_pylist()
    names = [
        next((name for name in _names(source, did or "") if name in by_name), None)
        for source, did in zip(sources, dids, strict=True)
    ]
    words = [by_name[name] if name else None for name in names]
    used = set(names)
    match = LabelMatch(
        label=np.array([LABELS.index(w) if w in LABELS else UNLABELLED for w in words], dtype=np.int64),
        n_unknown=words.count(UNKNOWN),
        unlabelled=tuple(source for source, name in zip(sources, names, strict=True) if name is None),
        unmatched=tuple(i for i in labels if not {i, short_name(i)} & used),
    )
    _report(match)
    return match


def _names(source: str, did: str) -> tuple[str, ...]:
    """Give what a spectrum may be called in a file of labels, the surest first."""
    path = Path(source)
    short = (short_name(name) for name in (did, source, stem(source)))
    return (source, str(path.absolute()), str(path.resolve()), did, *short)


def _report(match: LabelMatch) -> None:
    logger.info("labels: %d spectra labelled, %d unknown dropped", match.labelled.size, match.n_unknown)
    for level, what, items in (
        (logging.INFO, "spectra without a label", match.unlabelled),
        (logging.WARNING, "labels of no spectrum that is here", match.unmatched),
    ):
        if items:
            logger.log(level, "%d %s, among them %s", len(items), what, ", ".join(items[:3]))
