"""Classifying any files with a trained run: one row per file, in the order given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from tqdm.auto import tqdm

from vo_emline.candidates.columns import CLASSIFIED
from vo_emline.candidates.output import arrow_schema
from vo_emline.progress import track
from vo_emline.spectra import printable
from vo_emline.survey import SurveyOptions, WindowStore, classify_files, score
from vo_emline.training import Classifier

CHUNK: Final = 500
"""Files that are read and classified together."""


def classify_paths(paths: Sequence[Path], model: Path) -> pa.Table:
    """Classify files with a trained network.

    Parameters
    ----------
    paths
        Files of any layout.
    model
        Folder of a trained model.

    Returns
    -------
    pyarrow.Table
        Columns of :data:`~vo_emline.candidates.columns.CLASSIFIED`, one row per path and in their
        order; a file that cannot be classified has an empty label, NULL probabilities and the reason.

    Raises
    ------
    UserError
        `model` holds no trained network.
    """
    classifier = Classifier.load(model)
    preprocess = classifier.description.preprocess
    chunks = (paths[first : first + CHUNK] for first in range(0, len(paths), CHUNK))
    tables = (classify_files(chunk, classifier, preprocess=preprocess) for chunk in chunks)
    rows = _rows(tables, total=len(paths))
    return pa.Table.from_pylist([rows[printable(path)] for path in paths], schema=arrow_schema(CLASSIFIED))


def classify_windows(store: WindowStore, model: Path) -> pa.Table:
    """Classify the windows of a store with a trained network.

    Parameters
    ----------
    store
        The store.
    model
        Folder of a trained model.

    Returns
    -------
    pyarrow.Table
        As :func:`classify_paths`; in every shard those without a window come last.

    Raises
    ------
    UserError
        `model` holds no trained network, or one for windows of other settings.
    """
    classifier = Classifier.load(model)
    store.require(classifier.description.preprocess)
    prepared = store.read_all(store.shards())
    tables = (score(one, classifier, options=SurveyOptions()) for _, one in prepared)
    rows = _rows(tables, total=store.inputs)
    return pa.Table.from_pylist(list(rows.values()), schema=arrow_schema(CLASSIFIED))


def _rows(tables: Iterable[tuple[pa.Table, pa.Table]], *, total: int) -> dict[str, dict[str, Any]]:
    """Make rows of scores and rejects, by the file."""
    rows: dict[str, dict[str, Any]] = {}
    bar: tqdm[Path] = track(None, "classifying", total=total)
    with bar:
        for scores, rejects in tables:
            rows |= {row["source"]: _scored(row) for row in scores.to_pylist()}
            rows |= {row["source"]: _refused(row) for row in rejects.to_pylist()}
            bar.update(len(scores) + len(rejects))
    return rows


def _scored(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "file": row["source"],
        "designation": row["designation"] or row["object_name"],
        "reason": "",
    }


def _refused(row: dict[str, Any]) -> dict[str, Any]:
    return {"file": row["source"], "label": "", "flags": row["code"], "reason": row["message"]}
