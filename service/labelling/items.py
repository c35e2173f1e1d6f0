"""What is shown of the spectra of a queue, without anything that was found in them. All of it blocks.

The pixels come from the files, of candidates and of others alike, so that nothing in them tells what the
network thinks: the cut-outs that a release stores are of candidates only, and stand in where a file is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from service.errors import NotFoundError
from service.products.entries import Entry, find_entries
from service.products.template import find_template
from service.store import Release, ReleaseStore
from service.urls import Urls
from service.web.company import date_of
from vo_emline.arrays import FloatArray
from vo_emline.candidates.columns import EPOCHS, SCORES
from vo_emline.candidates.cutouts import BAD, STEPS, cutout_steps
from vo_emline.errors import DataError
from vo_emline.measure.baseline import fit_baseline
from vo_emline.preprocess import GRID, WINDOW_VAC, PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.spectra import Spectrum, read_part

AS_OBSERVED: Final = PreprocessOptions(
    lsf="none", indices=False, minimum_coverage=0.5, max_bad_fraction=0.9, max_bad_line_fraction=0.9
)
"""How the pixels that people see are made: at the resolution of the spectrum, holes and all."""

MARGIN: Final = 8.0
"""What is read beyond the ends of the window, Å."""

DIGITS: Final = 5

MOST_EPOCHS: Final = 12

_WAVE: Final = [round(value, 3) for value in GRID.tolist()]

_FACTS: Final = "obs_publisher_did, candidate_id, designation, ra, dec, snr_r, epoch_mjd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the network of a release says of a spectrum."""

    label: str
    score: float
    """Probability of emission of either kind."""
    model_version: str


def items_of(store: ReleaseStore, urls: Urls, dids: Sequence[str]) -> list[dict[str, Any]]:
    """Give what the page shows of some spectra, in their order.

    Returns
    -------
    list of dict
        ``publisher_did``; ``name``, ``ra`` and ``dec`` (ICRS, deg), ``snr``, ``when``; ``wave`` (vacuum Å)
        and ``flux`` (over the continuum, null where bad), 140 numbers each, or ``flux`` null where there is
        nothing to be shown; ``expected`` null (:func:`expected_of` gives it); ``page``, ``preview`` and
        ``products`` (addresses). Spectra that the release lacks have their identifier and no flux.
    """
    with store.lease() as release:
        rows, entries = _rows(release, dids), find_entries(release, dids)
        fluxes = _fluxes(release, [entries.get(did) for did in dids], rows)
    return [
        _item(did, rows.get(did, {}), entries.get(did), flux, urls)
        for did, flux in zip(dids, fluxes, strict=True)
    ]


def expected_of(store: ReleaseStore, did: str) -> list[float | None] | None:
    """Give the absorption expected in a spectrum, over its continuum, on the grid; None where unknown."""
    with store.lease() as release:
        entry = find_entries(release, [did]).get(did)
        if entry is None or (template := find_template(release, entry)) is None:
            return None
        flux = _fluxes(release, [entry], {})[0]
    return None if flux is None else _numbers(template.under(GRID, flux))


def epochs_of(store: ReleaseStore, did: str) -> list[dict[str, Any]]:
    """Give the other spectra of the star of a spectrum: ``when`` and ``flux``, the oldest first."""
    sql = (
        f"SELECT s.obs_publisher_did, s.candidate_id, s.epoch_mjd FROM {EPOCHS.qualified_name} AS e "  # noqa: S608
        f"JOIN {EPOCHS.qualified_name} AS o ON o.object_id = e.object_id "
        f"JOIN {SCORES.qualified_name} AS s ON s.candidate_id = o.candidate_id "
        f"JOIN {SCORES.qualified_name} AS m ON m.candidate_id = e.candidate_id "
        "WHERE m.obs_publisher_did = ? AND s.obs_publisher_did <> ? "
        f"ORDER BY s.epoch_mjd, s.candidate_id LIMIT {MOST_EPOCHS}"
    )
    with store.lease() as release:
        if release.table(EPOCHS.qualified_name) is None:  # a release of before there were stars
            return []
        rows = {row["obs_publisher_did"]: row for row in release.rows(sql, [did, did])}
        entries = find_entries(release, list(rows))
        fluxes = _fluxes(release, [entries.get(other) for other in rows], rows)
    return [
        {"when": date_of(row["epoch_mjd"]), "flux": _numbers(flux)}
        for row, flux in zip(rows.values(), fluxes, strict=True)
        if flux is not None
    ]


def predictions_of(store: ReleaseStore, dids: Sequence[str]) -> dict[str, Prediction]:
    """Give what the network says of some spectra, by publisher DID; those not classified are missing."""
    with store.lease() as release:
        rows = _select(release, "obs_publisher_did, label, score, model_version", dids)
    return {
        row["obs_publisher_did"]: Prediction(
            label=row["label"], score=float(row["score"]), model_version=row["model_version"] or ""
        )
        for row in rows
    }


def prediction_of(store: ReleaseStore, did: str) -> Prediction:
    """Give what the network says of a spectrum.

    Raises
    ------
    NotFoundError
        It was not classified.
    """
    found = predictions_of(store, [did]).get(did)
    if found is None:
        raise NotFoundError("this spectrum was not classified")
    return found


def window_flux(spectrum: Spectrum) -> FloatArray | None:
    """Give a spectrum over its pseudo-continuum on the grid of the windows, at its own resolution.

    Returns
    -------
    ndarray or None
        Shape (140,); None where the spectrum does not reach over Hα, or is no star's.
    """
    windows, _ = prepare([spectrum], AS_OBSERVED)
    if not len(windows):
        return None
    offset, scale = windows.continuum[:, :1].astype(float), windows.continuum[:, 1:].astype(float)
    flux = windows.flux.astype(float) * scale + offset
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = fit_baseline(flux, None, wavelength_vac=GRID).ratio[0]
    return ratio if np.isfinite(ratio).any() else None


def _fluxes(
    release: Release, entries: Iterable[Entry | None], rows: Mapping[str, Mapping[str, Any]]
) -> list[FloatArray | None]:
    return [
        None if entry is None else _read(entry) if entry.present else _stored(release, entry, rows)
        for entry in entries
    ]


def _read(entry: Entry) -> FloatArray | None:
    between = (WINDOW_VAC[0] - MARGIN, WINDOW_VAC[1] + MARGIN)
    try:
        return window_flux(read_part(entry.path, between=between))
    except (DataError, OSError):
        return None  # the page says that there is nothing to be shown


def _stored(release: Release, entry: Entry, rows: Mapping[str, Mapping[str, Any]]) -> FloatArray | None:
    row = rows.get(entry.obs_publisher_did)
    if row is None or release.cutouts is None:
        return None
    sql = f"SELECT cutout FROM {release.cutouts} WHERE candidate_id = ?"  # noqa: S608
    texts = [found["cutout"] for found in release.rows(sql, [row["candidate_id"]]) if found["cutout"]]
    if not texts:
        return None
    low, high, steps = cutout_steps(texts[0])
    pixels = np.frombuffer(steps, dtype=np.uint8)
    return np.where(pixels == BAD, np.nan, low + (high - low) * pixels / STEPS)


def _rows(release: Release, dids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {row["obs_publisher_did"]: row for row in _select(release, _FACTS, dids)}


def _select(release: Release, columns: str, dids: Sequence[str]) -> list[dict[str, Any]]:
    """Look up classified spectra by the index of their identifiers."""
    if release.table(SCORES.qualified_name) is None or not dids:
        return []
    marks = ", ".join("?" * len(dids))
    sql = f"SELECT {columns} FROM {SCORES.qualified_name} WHERE obs_publisher_did IN ({marks})"  # noqa: S608
    return release.rows(sql, list(dids))


def _item(
    did: str, row: Mapping[str, Any], entry: Entry | None, flux: FloatArray | None, urls: Urls
) -> dict[str, Any]:
    name = row.get("designation") or (entry.target_name if entry else "") or row.get("candidate_id") or did
    present = entry is not None and entry.present
    return {
        "publisher_did": did,
        "name": name,
        "ra": row.get("ra", entry.ra if entry else None),
        "dec": row.get("dec", entry.dec if entry else None),
        "snr": row.get("snr_r", entry.snr_r if entry else None),
        "when": date_of(row.get("epoch_mjd", entry.start_mjd if entry else None)),
        "survey": entry.collection if entry else "",
        "wave": _WAVE,
        "flux": None if flux is None else _numbers(flux),
        "expected": None,
        "page": urls.page(row["candidate_id"]) if row else None,
        "preview": urls.preview(did) if present else None,
        "products": {
            "normalized": urls.spectrum(did, FORMAT="text/csv", FLUXCALIB="normalized") if present else None,
            "links": urls.links(did),
        },
    }


def _numbers(values: FloatArray) -> list[float | None]:
    return [round(value, DIGITS) if np.isfinite(value) else None for value in values.tolist()]
