"""What a FITS file holds that has no spectrum for us, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vo_emline.spectra.cards import text


def what_it_holds(hdus: Iterable[Any]) -> str:
    """Say in one sentence why there is no spectrum in a file, and how to get one.

    Parameters
    ----------
    hdus
        Its HDUs.
    """
    for hdu in hdus:
        header = hdu.header
        if header.get("ZTABLE"):
            return "its tables are packed by fpack; unpack it (funpack) first"
        sizes = [
            axis for n in range(1, int(header.get("NAXIS") or 0) + 1) if (axis := header[f"NAXIS{n}"]) > 1
        ]
        if hasattr(hdu, "columns") or not sizes:
            continue
        if len(sizes) > 2:
            size = " × ".join(map(str, sizes))
            return f"a cube of {size} pixels; extract the spectrum of the star from it first"
        if len(sizes) == 2:
            return _of_rows(header, sizes)
        return "an image without a dispersion (CRVAL1, CDELT1); calibrate its wavelengths first"
    return "no image and no table with wavelengths and fluxes"


def _of_rows(header: Any, sizes: list[int]) -> str:
    if text(header, "INSTRUME").upper().startswith(("ESPADONS", "NARVAL")):
        return (
            "rows of wavelengths and fluxes of échelle orders; write the order of Hα as text of two columns, "
            "or take the table of PolarBase"
        )
    return (
        f"an image of {sizes[0]} × {sizes[1]} pixels that does not say that its rows are spectra; extract "
        "the spectrum of the star from it first, or write each as an image of one row"
    )
