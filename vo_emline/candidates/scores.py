"""From the survey's scores to the rows that are published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.candidates.identifiers import candidate_ids
from vo_emline.rejects import Reject


def score_rows(
    scores: pa.Table, spectra: pa.Table, *, run_id: str, model_version: str, known_as: pa.Array | None = None
) -> pa.Table:
    """Join the survey's scores with the identity in the index of spectra.

    Parameters
    ----------
    scores
        One row per classified spectrum with ``source`` (the path), ``label``, the three
        probabilities, ``score`` and ``flags``.
    spectra
        Index of the spectra (:func:`~vo_emline.candidates.index.index_table`), joined by the path.
    run_id, model_version
        Provenance written to every row.
    known_as
        What catalogues say of each; None where none was asked.

    Returns
    -------
    pyarrow.Table
        Stored columns of :data:`~vo_emline.candidates.columns.SCORES` but ``hpx10``, ordered as `scores`.
    """
    paths = pa.array([str(Path(source).resolve()) for source in scores["source"].to_pylist()], pa.string())
    order = pc.index_in(paths, value_set=spectra["path"].combine_chunks())
    known = spectra.take(order)
    rows = known.select(
        [
            "obs_publisher_did",
            "obsid",
            "ra",
            "dec",
            "snr_r",
            "epoch_mjd",
            "spectral_class",
            "spectral_subclass",
        ]
    ).append_column("designation", known["target_name"])
    for name in ("label", "p_absorption", "p_emission", "p_double_peak", "score", "flags"):
        rows = rows.append_column(name, scores[name])
    identifiers = candidate_ids(rows["obs_publisher_did"].to_pylist())
    constants = {"run_id": run_id, "model_version": model_version}
    rows = rows.append_column("known_as", pa.nulls(len(rows), pa.string()) if known_as is None else known_as)
    rows = rows.append_column("candidate_id", pa.array(identifiers, pa.string()))
    for name, value in constants.items():
        rows = rows.append_column(name, pa.array([value] * len(rows), pa.string()))
    return rows


def reject_rows(rejects: Sequence[Reject], *, run_id: str) -> pa.Table:
    """Make rows of :data:`~vo_emline.candidates.columns.REJECTS`; file names only, never paths."""
    return pa.table(
        {
            "source": pa.array([PurePath(reject.source).name for reject in rejects], pa.string()),
            "code": pa.array([reject.code for reject in rejects], pa.string()),
            "message": pa.array([reject.message for reject in rejects], pa.string()),
            "run_id": pa.array([run_id] * len(rejects), pa.string()),
        }
    )
