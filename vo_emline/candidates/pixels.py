"""HEALPix pixels of positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.candidates.columns import HPX_ORDER


def healpix(ra: npt.NDArray[Any], dec: npt.NDArray[Any]) -> pa.Array:
    """Give the HEALPix pixels (order 10, NESTED) of positions.

    Parameters
    ----------
    ra, dec
        ICRS, deg, shape (n,); NaN where unknown.

    Returns
    -------
    pyarrow.Array
        int32, NULL where the position is unknown.
    """
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    known = np.isfinite(ra) & np.isfinite(dec)
    pixels = np.zeros(len(ra), dtype=np.int32)
    if known.any():
        pixels[known] = lonlat_to_healpix(
            Longitude(ra[known] * u.deg), Latitude(dec[known] * u.deg), depth=HPX_ORDER
        )
    return pa.array(pixels, mask=~known)
