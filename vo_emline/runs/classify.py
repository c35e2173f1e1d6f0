"""Classifying any files with a trained run: one row per file, in the order given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from vo_emline.candidates.columns import CLASSIFIED
from vo_emline.candidates.output import arrow_schema
from vo_emline.progress import track
from vo_emline.spectra import printable
from vo_emline.survey import SurveyOptions, WindowStore, prepare_files, score
from vo_emline.survey.model import check_model, load_scorer

CHUNK: Final = 500
"""Files that are read and classified together."""

_FROM_REJECTS: Final = {"file": "source", "flags": "code", "reason": "message"}
"""Columns of what cannot be classified, by those of the rejects."""


def classify_paths(paths: Sequence[Path], model: Path, *, options: SurveyOptions | None = None) -> pa.Table:
    """Classify files with a trained network, as a survey of them would.

    Parameters
    ----------
    paths
        Files of any layout.
    model
        Folder of a trained model.
    options
        Class shares, limits of the flags, and whether a small network screens.

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
    options = options or SurveyOptions()
    preprocess = check_model(model).preprocess
    scorer = load_scorer(model, options)
    names = [str(path) for path in paths]
    chunks = (names[first : first + CHUNK] for first in range(0, len(names), CHUNK))
    tables = (
        score(prepare_files(chunk, preprocess, medium=options.medium), scorer, options=options)
        for chunk in chunks
    )
    rows = _joined(tables, total=len(paths))
    place = pc.index_in(pa.array([printable(path) for path in paths], pa.string()), rows["file"])
    return rows.take(place)


def classify_windows(store: WindowStore, model: Path, *, options: SurveyOptions | None = None) -> pa.Table:
    """Classify the windows of a store with a trained network.

    Parameters
    ----------
    store
        The store.
    model, options
        As for :func:`classify_paths`.

    Returns
    -------
    pyarrow.Table
        As :func:`classify_paths`; in every shard those without a window come last.

    Raises
    ------
    UserError
        `model` holds no trained network, or one for windows of other settings.
    """
    options = options or SurveyOptions()
    store.require(check_model(model).preprocess)
    scorer = load_scorer(model, options)
    tables = (score(one, scorer, options=options) for _, one in store.read_all(store.shards()))
    return _joined(tables, total=store.inputs)


def _joined(tables: Iterable[tuple[pa.Table, pa.Table]], *, total: int) -> pa.Table:
    """Make published rows of scores and rejects."""
    schema = arrow_schema(CLASSIFIED)

    def batches() -> Iterator[pa.Table]:
        bar: tqdm[Path] = track(None, "classifying", total=total)
        with bar:
            for scores, rejects in tables:
                yield _as(schema, _scored(scores))
                yield _as(schema, _refused(rejects))
                bar.update(len(scores) + len(rejects))

    return pa.concat_tables([schema.empty_table(), *batches()])


def _scored(scores: pa.Table) -> dict[str, pa.ChunkedArray | pa.Array]:
    columns = {name: scores[name] for name in scores.column_names}
    named = pc.if_else(pc.equal(scores["designation"], ""), None, scores["designation"])
    return columns | {
        "file": scores["source"],
        "designation": pc.coalesce(named, scores["object_name"]),
        "reason": _text("", len(scores)),
    }


def _refused(rejects: pa.Table) -> dict[str, pa.ChunkedArray | pa.Array]:
    columns = {name: rejects[taken] for name, taken in _FROM_REJECTS.items()}
    return columns | {"label": _text("", len(rejects))}


def _as(schema: pa.Schema, columns: dict[str, pa.ChunkedArray | pa.Array]) -> pa.Table:
    """Give columns of a table in the order and types of `schema`; those that are missing are NULL."""
    height = len(columns["file"])
    arrays = [columns.get(field.name, pa.nulls(height, field.type)) for field in schema]
    return pa.table(
        [array.cast(kind) for array, kind in zip(arrays, schema.types, strict=True)], schema=schema
    )


def _text(value: str, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), n)
