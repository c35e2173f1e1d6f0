"""What a run shows at its end: figures and a summary in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import astropy.units as u
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from astropy.coordinates import SkyCoord, search_around_sky
from pyarrow import parquet

from vo_emline import plots
from vo_emline.errors import DataError
from vo_emline.labels import LABELS
from vo_emline.preprocess import PreprocessOptions, Step, WindowSet, adaptation_steps, measure_velocity
from vo_emline.preprocess.prepare import prepare
from vo_emline.runs.steps import Run
from vo_emline.spectra import Identity, Spectrum, read_or_reject
from vo_emline.survey import read_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GALLERY: Final = 16
"""Candidates in the gallery, and lines of the table of the best."""


def best_candidates(run: Run, n: int = GALLERY, *, label: str | None = None) -> pa.Table:
    """Give the `n` candidates of the highest score (of class `label`, if given), certain ones first."""
    table = parquet.read_table(run.directory.tables / "candidates.parquet")
    if label is not None:
        table = table.filter(pc.equal(table["label"], label))
    certain = pc.invert(pc.match_substring(table["flags"], "uncertain"))
    order = table.append_column("certain", certain)
    return order.sort_by([("certain", "descending"), ("score", "descending"), ("candidate_id", "ascending")])[
        :n
    ]


def draw(run: Run, training: Sequence[Path]) -> list[Path]:
    """Draw the figures of a run; give their paths."""
    figures = _training_figures(run)
    if followed := adaptation(training, read_scores(run.directory.survey)):
        figures["adaptation"] = plots.adaptation(followed)
    if gallery := _gallery(run):
        figures["gallery"] = gallery
    return _save(run, figures)


def draw_training(run: Run) -> list[Path]:
    """Draw the figures of training alone; give their paths."""
    return _save(run, _training_figures(run))


def _save(run: Run, figures: Mapping[str, Figure]) -> list[Path]:
    folder = run.directory.figures
    for name, figure in figures.items():
        plots.save(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def _training_figures(run: Run) -> dict[str, Figure]:
    history = json.loads((run.directory.model / "history.json").read_text(encoding="utf-8"))
    metrics = json.loads(run.directory.metrics.read_text(encoding="utf-8"))["network"]
    return {
        "training-curve": plots.training_curve(
            history["training_loss"], history["validation_loss"], best=history["best_epoch"]
        ),
        "confusion": plots.confusion(
            metrics["confusion"],
            title=f"{metrics['n_spectra']} spectra of {metrics['n_stars']} held-out stars",
        ),
    }


def _gallery(run: Run) -> Figure | None:
    best = pa.concat_tables([best_candidates(run, GALLERY // 2, label=label) for label in LABELS[1:]])
    path_of = _paths(run)
    by_path = {path_of[row["obs_publisher_did"]]: row for row in best.to_pylist()}
    windows = windows_at_hand(list(by_path), run.settings.preprocess)
    if not len(windows):
        return None
    rows = [by_path[source] for source in windows.identity["source"].to_pylist()]
    return plots.gallery(
        windows.flux,
        [row["label"] for row in rows],
        titles=[f"{row['designation']}  {row['label']} {row['score']:.2f}" for row in rows],
    )


def windows_at_hand(paths: Sequence[str], options: PreprocessOptions) -> WindowSet:
    """Make the windows of files; those that have gone since they were classified are left out."""
    spectra = map(read_or_reject, paths)
    return prepare((one for one in spectra if isinstance(one, Spectrum)), options)[0]


def _paths(run: Run) -> dict[str, str]:
    import duckdb

    with duckdb.connect(str(run.directory.release), read_only=True) as database:
        return dict(database.sql("SELECT obs_publisher_did, path FROM internal.spectra").fetchall())


def summary_text(run: Run) -> str:
    """Tell the metrics and the best candidates in a few lines of plain text."""
    return "\n".join([metrics_text(run), "", *_candidate_lines(best_candidates(run, 10))])


def metrics_text(run: Run) -> str:
    """Tell the metrics of training in a few lines of plain text."""
    return "\n".join(_metrics_lines(json.loads(run.directory.metrics.read_text(encoding="utf-8"))))


def _metrics_lines(metrics: dict[str, Any]) -> list[str]:
    network, linear = metrics["network"], metrics["linear_baseline"]
    lines = [
        f"held-out stars, unseen in training: {network['n_spectra']} spectra of {network['n_stars']} stars",
        f"  accuracy {_percent(network['accuracy'])}; linear baseline {_percent(linear['accuracy'])}",
        f"  absorption called positive {_percent(network['false_positive_rate'])}",
        f"  … by the linear baseline {_percent(linear['false_positive_rate'])}",
        "  confusion (rows: true, columns: predicted)",
        "    " + " " * 12 + "".join(f"{label:>13}" for label in LABELS),
    ]
    for label, row in zip(LABELS, network["confusion"], strict=True):
        lines.append(f"    {label:<12}" + "".join(f"{count:>13}" for count in row))
    return lines


def _percent(proportion: dict[str, Any]) -> str:
    if proportion["value"] is None:
        return "unknown (none at hand)"
    low, high = proportion["interval"]
    return f"{proportion['value']:.1%} (95 %: {low:.1%} to {high:.1%})"


def _candidate_lines(best: pa.Table) -> list[str]:
    if not len(best):
        return ["no candidates"]
    lines = ["the best candidates", "  score  label        S/N r  designation           flags"]
    for row in best.to_pylist():
        snr = "    –" if row["snr_r"] is None else f"{row['snr_r']:5.0f}"
        lines.append(
            f"  {row['score']:5.3f}  {row['label']:<11}  {snr}  {row['designation']:<20}  {row['flags']}"
        )
    return lines


RADIUS: Final = 25 * u.arcsec
"""Telescope positions of bright stars are off by up to 24″."""


def common_stars(training: Sequence[Identity], survey: pa.Table) -> list[tuple[int, int]]:
    """Match two lists of spectra by position within :data:`RADIUS`, nearest first.

    Parameters
    ----------
    training
        Who the labelled spectra are.
    survey
        Columns ``ra`` and ``dec``, ICRS deg, of the survey's spectra.

    Returns
    -------
    list of tuple
        Indices into both lists; every spectrum of either at most once.
    """
    first, here = _sky([one.ra for one in training], [one.dec for one in training])
    second, there = _sky(survey["ra"].to_pylist(), survey["dec"].to_pylist())
    if not first.size or not second.size:
        return []
    left, right, separation, _ = search_around_sky(here, there, RADIUS)
    pairs: dict[int, int] = {}
    for k in np.argsort(separation, kind="stable"):
        one, other = int(first[left[k]]), int(second[right[k]])
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return list(pairs.items())


def _sky(ra: Sequence[float | None], dec: Sequence[float | None]) -> tuple[npt.NDArray[np.intp], SkyCoord]:
    """Give the positions that are known, and the rows they are of."""
    both = np.array([ra, dec], dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(both).all(axis=0))
    return rows, SkyCoord(both[0, rows] * u.deg, both[1, rows] * u.deg)


def adaptation(training: Sequence[Path], survey: pa.Table, *, most: int = 4) -> list[tuple[str, list[Step]]]:
    """Follow stars that both instruments saw through the adaptation.

    Parameters
    ----------
    training
        Files of the labelled spectra.
    survey
        Scores of the survey: ``source``, ``ra`` and ``dec`` are used. Only the files of common stars are
        opened.
    most
        How many stars.

    Returns
    -------
    list of tuple
        Name of the star and its steps (:func:`~vo_emline.preprocess.adaptation_steps`).
    """
    labelled = [s for s in map(read_or_reject, training) if isinstance(s, Spectrum)]
    followed: list[tuple[str, list[Step]]] = []
    for i, j in common_stars([one.identity for one in labelled], survey):
        source, target = labelled[i], read_or_reject(survey["source"][j].as_py())
        if not isinstance(target, Spectrum):
            continue  # the file has gone since
        try:
            velocity = measure_velocity(source, target)
            steps = adaptation_steps(source, target, velocity_kms=velocity)
        except DataError:
            continue  # one of the two has no window; another pair will do
        followed.append((source.identity.object_name or target.identity.designation, steps))
        if len(followed) == most:
            break
    return followed
