"""Shards of scores like those of a survey, made without a survey: a million rows in seconds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vo_emline.candidates.cutouts import pack_cutouts
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.preprocess.windows import GRID
from vo_emline.rundir import SUMMARY
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey import REJECTS_SCHEMA, SCORES_SCHEMA
from vo_emline.survey.shards import MANIFEST

SHARES: Final = (0.97, 0.02, 0.01)
"""Of absorption, emission and double-peak."""
REJECTED: Final = 0.01
"""Share of the inputs that have no score."""


def write_shards(directory: Path, count: int, *, size: int = 10_000, seed: int = 2017) -> None:
    """Write a finished survey of `count` inputs, `size` a shard, all different."""
    directory.mkdir(parents=True, exist_ok=True)
    classes: Counter[str] = Counter(dict.fromkeys(LABELS, 0))
    n_rejects = 0
    for shard, first in enumerate(range(0, count, size)):
        rows = min(size, count - first)
        rejected = int(rows * REJECTED)
        scores = made_scores(first, rows - rejected, seed=seed + shard)
        rejects = made_rejects(first + rows - rejected, rejected)
        pq.write_table(rejects, directory / f"rejects-{shard:06d}.parquet", compression="zstd")
        pq.write_table(scores, directory / f"scores-{shard:06d}.parquet", compression="zstd")
        classes.update(scores["label"].to_pylist())
        n_rejects += rejected
    facts = {"inputs": count, "classes": dict(classes), "rejects": {"no_signal": n_rejects}}
    (directory / SUMMARY).write_text(json.dumps({**facts, "flags": {}, "model_version": "bench"}))
    (directory / MANIFEST).write_text(json.dumps({"inputs": count, "model_version": "bench"}))


def made_scores(first: int, rows: int, *, seed: int) -> pa.Table:
    """Make scores of the inputs from number `first` on; columns of ``SCORES_SCHEMA``."""
    rng = np.random.default_rng(seed)
    known = _known(first, rows, rng)
    return pa.table(
        [known.get(field.name, _any(field, rows, rng)) for field in SCORES_SCHEMA], schema=SCORES_SCHEMA
    )


def made_rejects(first: int, rows: int) -> pa.Table:
    """Make rejects of the inputs from number `first` on."""
    values = {
        "source": _sources(np.arange(first, first + rows)),
        "code": pa.array(["no_signal"] * rows, pa.string()),
        "message": pa.array(["the window holds no usable pixel"] * rows, pa.string()),
    }
    return pa.table([values[name] for name in REJECTS_SCHEMA.names], schema=REJECTS_SCHEMA)


def _known(first: int, rows: int, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Make the columns whose values matter: identifiers, places, classes, probabilities."""
    numbers = np.arange(first, first + rows)
    classes = rng.choice(len(LABELS), rows, p=SHARES)
    weights = 0.45 * rng.dirichlet([1, 1, 1], rows)
    weights[np.arange(rows), classes] += 0.55
    ra, sine = rng.uniform(0, 360, rows), rng.uniform(*np.sin(np.radians([-10, 60])), rows)
    survey = pa.repeat("LAMOST LRS", rows)
    return {
        "source": _sources(numbers),
        "survey": survey,
        "release": pa.repeat("LAMOST DR10", rows),
        "obsid": pa.array(101_000 + 3 * numbers),
        "publisher_did": pa.repeat("", rows),
        "designation": _words("J", pa.array(numbers * 7919 % 10**9), pa.array(numbers % 1000)),
        "ra": pa.array(ra),
        "dec": pa.array(np.degrees(np.arcsin(sine))),
        "label": pa.array(np.array(LABELS, dtype=object)[classes], pa.string()),
        "score": pa.array((weights[:, 1] + weights[:, 2]).astype(np.float32)),
        "flags": pa.array(np.where(weights.max(axis=1) < 0.6, "uncertain", ""), pa.string()),
        "spectral_subclass": pa.array(_SUBCLASSES).take(pa.array(rng.integers(0, len(_SUBCLASSES), rows))),
        "snr_r": pa.array(rng.gamma(2.0, 25.0, rows).astype(np.float32)),
        "ew": pa.array(-rng.gamma(1.5, 6.0, rows).astype(np.float32)),
        "cutout": _cutouts(classes, rng),
    } | dict(zip(PROBABILITY_COLUMNS, map(pa.array, weights.T.astype(np.float32)), strict=True))


_SUBCLASSES: Final = [f"{letter}{digit}" for letter in "OBAFGKM" for digit in range(10)]


def _cutouts(classes: np.ndarray, rng: np.random.Generator) -> pa.Array:
    """Make a line for each candidate; NULL for the others."""
    place = np.full(len(classes), -1)
    rows = np.flatnonzero(classes)
    place[rows] = np.arange(len(rows))
    line = np.exp(-0.5 * ((GRID - HALPHA_VAC) / 5) ** 2)
    ratio = 1 + rng.gamma(1.5, 1.0, (len(rows), 1)) * line + rng.normal(0, 0.03, (len(rows), len(GRID)))
    return pack_cutouts(ratio).take(pa.array(place, mask=place < 0))


def _sources(numbers: np.ndarray) -> pa.Array:
    """Make paths as a mirror of LAMOST has them, 250 files a fibre head and 16 heads a plate."""
    plates, fibres = pa.array(numbers // 4000), pa.array(numbers % 4000)
    folder = _words("/mirror/dr10/plate-", plates, pa.repeat("", len(numbers)))
    return pc.binary_join_element_wise(
        folder, "/spec-58000-HD", plates.cast(pa.string()), "_sp", fibres.cast(pa.string()), ".fits.gz", ""
    )


def _words(prefix: str, first: pa.Array, second: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(prefix, first.cast(pa.string()), second.cast(pa.string()), "")


def _any(field: pa.Field, rows: int, rng: np.random.Generator) -> pa.Array:
    """Make values of a type, for columns whose values do not matter."""
    if pa.types.is_floating(field.type):
        return pa.array(rng.uniform(1, 10_000, rows)).cast(field.type)
    if pa.types.is_integer(field.type):
        return pa.array(rng.integers(1, 10_000, rows)).cast(field.type)
    if pa.types.is_boolean(field.type):
        return pa.array(np.zeros(rows, dtype=bool))
    return pa.repeat(field.name, rows).cast(field.type)
