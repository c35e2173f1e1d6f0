"""The absorption that a spectrum would have without emission, as numbers for the plot of its page."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from service.products.calibration import FluxCalibration, calibrated
from service.products.template import TEMPLATE_VAC, find_template
from service.store import ReleaseStore
from service.web.candidate import find_spectrum
from vo_emline.errors import DataError

NOTHING: Final[dict[str, Any]] = {"wavelength": [], "flux": [], "members": 0, "kind": ""}
"""The answer where nothing is expected: too few spectra of its type, or no continuum."""


def expected_absorption(store: ReleaseStore, candidate_id: str) -> dict[str, Any]:
    """Give the template under a spectrum that is divided by its continuum.

    Returns
    -------
    dict
        ``wavelength`` (vacuum Å, pixels of the spectrum), ``flux`` (over the continuum), ``members`` and
        ``kind`` of the template (:class:`service.products.template.Template`).

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone or unreadable.
    """
    entry, spectrum = find_spectrum(store, candidate_id)
    with store.lease() as release:
        template = find_template(release, entry)
    if template is None:
        return NOTHING
    try:
        scaled = calibrated(spectrum, FluxCalibration.NORMALIZED)
    except DataError:
        return NOTHING
    wavelength = spectrum.wavelength_vac
    inside = (wavelength > TEMPLATE_VAC[0]) & (wavelength < TEMPLATE_VAC[1])
    flux = np.where(spectrum.mask, np.nan, scaled.flux)[inside]
    under = template.under(wavelength[inside], flux)
    known = np.isfinite(under)
    return {
        "wavelength": wavelength[inside][known].tolist(),
        "flux": under[known].tolist(),
        "members": template.members,
        "kind": template.kind,
    }
