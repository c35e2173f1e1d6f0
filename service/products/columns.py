"""The columns of a delivered spectrum, described once for all formats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from service.products.product import Product
from vo_emline.tables import Column


def columns(product: Product) -> list[tuple[Column, npt.NDArray[Any]]]:
    """Give the columns of `product` with their values, wavelength first."""
    unit = product.scale.unit or None
    described: list[tuple[Column, npt.NDArray[Any]]] = [
        (
            Column(name="wavelength", datatype="double", unit="Angstrom", ucd="em.wl",
                   utype="spec:Spectrum.Data.SpectralAxis.Value",
                   description=f"Wavelength in {product.medium}"),
            product.wavelength,
        ),
        (
            Column(name="flux", datatype="double", unit=unit, ucd="phot.flux.density;em.wl",
                   utype="spec:Spectrum.Data.FluxAxis.Value", description=product.scale.history),
            product.flux,
        ),
    ]  # fmt: skip
    if product.error is not None:
        error = Column(
            name="flux_error", datatype="double", unit=unit, ucd="stat.error;phot.flux.density;em.wl",
            utype="spec:Spectrum.Data.FluxAxis.Accuracy.StatError",
            description="One standard deviation of the flux; NaN where unknown",
        )  # fmt: skip
        described.append((error, product.error))
    if product.mask.any():
        mask = Column(name="mask", datatype="boolean", ucd="meta.code.qual", description="True on bad pixels")
        described.append((mask, product.mask))
    return [(column, np.ascontiguousarray(values)) for column, values in described]
