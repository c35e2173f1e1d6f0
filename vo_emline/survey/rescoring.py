"""A survey that was classified before, by a model refined since: only what can change is classified again.

What a student has settled and flagged ``screened`` was never seen by the network. A refinement that keeps
student and second stage, byte for byte, therefore leaves those rows as they are, to the last bit: which
spectra the student settles depends on neither the last layer nor its temperature. All others go through the
refined network. So nothing is estimated or bounded by a guess; where a part is another one, or there was no
student, everything has to be classified again, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.preprocess.windows import Prepared
from vo_emline.survey.counts import ShardCounts, count_rows
from vo_emline.survey.model import load_scorer
from vo_emline.survey.scores import regression_of, tabulate
from vo_emline.survey.shards import Shard, ShardStore, read_manifest
from vo_emline.survey.work import Work, predict, read_shard
from vo_emline.training.description import REFINED_FROM, REFINED_PARTS, ModelDescription

SCREENING: Final = ("student", "second-stage")
"""Parts of a model that decide what the network sees."""

SAME: Final = ("kind", "inputs", "inputs_sha256", "preprocess", "options", "shards")
"""Facts of a survey that have to be those of the one before."""

CHANGES: Final = ("gained", "lost", "unsure", "sure", "kind")
"""What may become of a spectrum: emission now, emission no more, uncertain now, no longer uncertain, another
kind of emission."""


def require_comparable(before: Path, facts: Mapping[str, Any], description: ModelDescription) -> None:
    """See that what was screened in a survey before is what it would be now.

    Parameters
    ----------
    before
        Directory of the finished survey.
    facts
        What the new survey depends on.
    description
        Of the refined model.

    Raises
    ------
    UserError
        The survey before is of other spectra or settings, or another model; or the refinement has changed
        what screens.
    """
    found = read_manifest(before)
    other = [name for name in SAME if found.get(name) != facts[name]]
    if other:
        raise UserError(
            f"{before} was classified otherwise (different {', '.join(other)}); leave --since out"
        )
    base = description.training.get(REFINED_FROM)
    if found.get("model_version") != base:
        raise UserError(
            f"{before} was classified with model {found.get('model_version')}, and {description.version} was "
            f"refined from {base or 'none'}; leave --since out"
        )
    former = description.training.get(REFINED_PARTS, {})
    parts = {name: part.sha256 for name, part in description.parts.items()}
    changed = [name for name in SCREENING if name not in parts or former.get(name) != parts[name]]
    if changed:
        raise UserError(
            f"any score may change: {' and '.join(changed)} of {description.version} is not that of {base}; "
            "leave --since out"
        )


def rescoring(shards: Iterator[Shard], _n_shards: int, *, work: Work, before: Path) -> Iterator[ShardCounts]:
    """Classify of each shard what was not screened before, and take over the other rows.

    Parameters
    ----------
    shards
        The shards.
    work
        The survey, of a store of windows or of files.
    before
        Directory of the survey by the model that was refined (:func:`require_comparable`).
    """
    scorer = load_scorer(work.model, work.options, work.model_version)
    former, store = ShardStore(before), ShardStore(work.directory)
    for shard in shards:
        read = read_shard(shard, preprocess=work.preprocess, store=work.store, medium=work.options.medium)
        old = pq.read_table(former.path("scores", shard.number))
        windows = read.prepared.windows
        if old["source"].to_pylist() != windows.identity["source"].to_pylist():
            raise UserError(f"shard {shard.number} of {before} is of other spectra; leave --since out")
        settled = pc.match_substring_regex(old["flags"], r"(^| )screened( |$)").to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(~settled)
        some = Prepared(windows.take(rows), read.prepared.rejects)
        predicted = predict(some, scorer, options=work.options)
        scores, lost = tabulate(some, predicted, options=work.options, regression=regression_of(scorer))
        order = np.argsort(np.concatenate([np.flatnonzero(settled), rows]), kind="stable")
        joined = pa.concat_tables([old.filter(pa.array(settled)), scores]).take(order).combine_chunks()
        store.write(shard, scores=joined, rejects=lost)
        yield count_rows(shard.number, scores=joined, rejects=lost).timed(read=read.seconds)


def changes(before: pa.Table, after: pa.Table) -> pa.Table:
    """Tabulate what became of spectra with another model.

    Parameters
    ----------
    before, after
        Scores of the same spectra in the same order (:data:`~vo_emline.survey.scores.SCORES_SCHEMA`).

    Returns
    -------
    pyarrow.Table
        Those of which label or certainty is another, the greatest change of score first: ``source``,
        ``publisher_did``, ``change`` (one of :data:`CHANGES`), ``label_before``, ``label``,
        ``score_before``, ``score``.
    """
    was, now = (table["label"].to_numpy(zero_copy_only=False) for table in (before, after))
    emission = [label != LABELS[ABSORPTION] for label in (was, now)]
    unsure = [
        pc.match_substring_regex(table["flags"], r"(^| )uncertain( |$)").to_numpy(zero_copy_only=False)
        for table in (before, after)
    ]
    change = np.select(
        [~emission[0] & emission[1], emission[0] & ~emission[1], ~unsure[0] & unsure[1],
         unsure[0] & ~unsure[1], was != now],
        CHANGES,
        default="",
    )  # fmt: skip
    scores = [table["score"].to_numpy().astype(np.float64) for table in (before, after)]
    rows = np.flatnonzero(change != "")
    rows = rows[np.argsort(-np.abs(scores[1] - scores[0])[rows], kind="stable")]
    return pa.table(
        {
            "source": after["source"].take(rows),
            "publisher_did": after["publisher_did"].take(rows),
            "change": change[rows],
            "label_before": was[rows],
            "label": now[rows],
            "score_before": scores[0][rows],
            "score": scores[1][rows],
        }
    )


def what_changed(before: Path, after: Path) -> pa.Table:
    """Tabulate what became of the spectra of a survey, a shard at a time (:func:`changes`).

    Parameters
    ----------
    before, after
        Directories of two surveys of the same spectra, in shards alike.
    """
    columns = ["source", "publisher_did", "label", "score", "flags"]
    first, second = ShardStore(before), ShardStore(after)
    parts = [
        changes(
            pq.read_table(first.path("scores", number), columns=columns),
            pq.read_table(second.path("scores", number), columns=columns),
        )
        for number in sorted(second.finished())
    ]
    joined = pa.concat_tables(parts)
    apart = np.abs(joined["score"].to_numpy() - joined["score_before"].to_numpy())
    return joined.take(np.argsort(-apart, kind="stable"))


def count_changes(changed: pa.Table) -> dict[str, int]:
    """Count the spectra of each kind of change, all of :data:`CHANGES`."""
    found = Counter(changed["change"].to_pylist())
    return {name: found[name] for name in CHANGES}
