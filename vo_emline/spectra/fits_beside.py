"""What lies beside the flux of an image: errors, masks and the normalised flux, in images of equal size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.cards import text
from vo_emline.spectra.surveys import Planes


def _named(words: str) -> re.Pattern[str]:
    return re.compile(rf"(.*[._ -])?({words})([._ -].*)?", re.IGNORECASE)


_KINDS: Final = {
    "error": _named(r"err(or)?s?|sigma|std(dev)?|unc(ert(ainty)?)?"),
    "ivar": _named(r"ivar|invvar|inverse_?variance"),
    "variance": _named(r"var(iance)?|stat"),
}
"""Names of images by what they say of the uncertainty; STAT is the variance of MUSE (mpdaf)."""

_MASK: Final = _named(r"mask|dq|qual(ity)?|bpm")


@dataclass(frozen=True, slots=True)
class Beside:
    """What belongs to a flux, each of its shape."""

    error: FloatArray | None = None
    """Standard deviation."""
    mask: Any = None
    """Integers whose meaning the survey knows."""
    normalised_flux: Any = None


class _File(Protocol):
    source: str

    def sound(self) -> Iterator[tuple[int, Any]]: ...

    def named(self, name: int | str) -> Any: ...


def beside(file: _File, flux: Any, planes: Planes | None) -> Beside:
    """Find what belongs to a flux.

    Parameters
    ----------
    file
        The open file.
    flux
        The HDU of the flux.
    planes
        Which images a survey keeps what in, where it does.

    Raises
    ------
    DataError
        ``bad_errors`` where the only image of uncertainties is not as long as the flux.
    """
    if planes is not None:
        return _in_planes(file, flux, planes)
    others = [hdu for _, hdu in file.sound() if hdu is not flux and _is_image(hdu)]
    masks = [hdu.data for hdu in others if _MASK.fullmatch(hdu.name or "")]
    mask = masks[0] if len(masks) == 1 and np.shape(masks[0]) == np.shape(flux.data) else None
    own = _band_of_sigma(flux)
    return Beside(own if own is not None else _error(file.source, flux, others), mask)


def _error(source: str, flux: Any, others: list[Any]) -> FloatArray | None:
    for kind, pattern in _KINDS.items():
        found = [hdu for hdu in others if pattern.fullmatch(hdu.name or "")]
        if len(found) != 1:
            continue
        values = np.asarray(found[0].data, dtype=np.float64)
        if values.shape != np.shape(flux.data):
            message = f"{np.size(flux.data)} fluxes but {values.size} values in {found[0].name}"
            raise DataError(source, "bad_errors", message)
        if kind == "error":
            return values
        good = np.isfinite(values) & (values > 0)
        spread = np.where(good, values, 1.0)
        return np.where(good, np.sqrt(spread) if kind == "variance" else 1 / np.sqrt(spread), np.nan)
    return None


def _band_of_sigma(flux: Any) -> FloatArray | None:
    """Give the errors of IRAF's apextract: the band of the third axis that is called *sigma*."""
    if flux.data.ndim != 3:
        return None
    for band in range(2, flux.data.shape[0] + 1):
        if text(flux.header, f"BANDID{band}").lower().startswith("sigma"):
            return np.asarray(np.broadcast_to(flux.data[band - 1], flux.data.shape), dtype=np.float64)
    return None


def _in_planes(file: _File, flux: Any, planes: Planes) -> Beside:
    shape = np.shape(flux.data)
    error = _image(_or_none(file, planes.error), shape)
    relative = _image(_or_none(file, planes.relative_error), shape)
    if error is None and relative is not None:
        error = np.abs(np.asarray(relative, dtype=np.float64) * flux.data)
    return Beside(error, None, _image(_or_none(file, planes.normalised_flux), shape))


def _or_none(file: _File, name: int | str | None) -> Any:
    return None if name is None else file.named(name)


def _image(hdu: Any, shape: tuple[int, ...]) -> Any:
    return hdu.data if hdu is not None and _is_image(hdu) and np.shape(hdu.data) == shape else None


def _is_image(hdu: Any) -> bool:
    return not hasattr(hdu, "columns") and hdu.data is not None
