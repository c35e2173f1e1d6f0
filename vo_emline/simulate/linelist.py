"""The lines and bands that shape a star's spectrum, with their strength in the Sun.

Wavelengths are in air, as the sources give them. Equivalent widths of the Sun
are rounded values of the Utrecht atlas (Moore, Minnaert & Houtgast 1966,
NBS Monograph 61); the growth to cooler stars is an exponential in
``5777 K / Teff`` with one slope per line, steeper for lines of low excitation.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class MetalLine(NamedTuple):
    """An absorption line of a neutral or ionised metal."""

    wavelength_air: float
    """Å."""
    solar_ew: float
    """Equivalent width in the Sun, Å."""
    growth: float
    """The equivalent width scales as exp(growth · (5777 K/Teff - 1))."""


class Band(NamedTuple):
    """A molecular band, degraded to the red from its head."""

    head_air: float
    """Å."""
    length: float
    """e-folding length to the red, Å."""
    strength: float
    """Depth relative to the strongest band of the list."""


METALS: Final = (
    MetalLine(3933.66, 9.0, 1.5),
    MetalLine(3968.47, 7.0, 1.5),
    MetalLine(4226.73, 1.5, 4.0),
    MetalLine(4300.00, 4.0, 1.0),
    MetalLine(4383.55, 1.0, 2.0),
    MetalLine(5167.32, 1.5, 3.0),
    MetalLine(5172.68, 1.3, 3.0),
    MetalLine(5183.60, 1.6, 3.0),
    MetalLine(5269.54, 0.5, 2.0),
    MetalLine(5889.95, 0.75, 5.0),
    MetalLine(5895.92, 0.56, 5.0),
    MetalLine(6494.98, 0.165, 2.0),
    MetalLine(6496.90, 0.098, 1.5),
    MetalLine(6499.65, 0.085, 3.0),
    MetalLine(6518.37, 0.058, 4.0),
    MetalLine(6533.93, 0.040, 2.0),
    MetalLine(6546.24, 0.105, 2.2),
    MetalLine(6551.68, 0.006, 3.5),
    MetalLine(6554.23, 0.018, 5.5),
    MetalLine(6556.07, 0.022, 5.5),
    MetalLine(6569.22, 0.073, 1.0),
    MetalLine(6572.78, 0.032, 5.0),
    MetalLine(6574.23, 0.030, 3.0),
    MetalLine(6575.02, 0.066, 2.0),
    MetalLine(6581.22, 0.020, 3.5),
    MetalLine(6583.71, 0.015, -1.0),
    MetalLine(6586.31, 0.044, 2.0),
    MetalLine(6587.61, 0.015, -3.0),
    MetalLine(6591.31, 0.010, 1.5),
    MetalLine(6592.91, 0.125, 1.8),
    MetalLine(6593.88, 0.090, 2.2),
    MetalLine(6597.56, 0.043, 0.5),
    MetalLine(6598.60, 0.025, 1.0),
    MetalLine(6599.10, 0.010, 6.5),
    MetalLine(6604.60, 0.036, 0.5),
    MetalLine(6608.03, 0.017, 3.0),
    MetalLine(6609.12, 0.067, 2.2),
    MetalLine(6613.82, 0.008, 2.5),
    MetalLine(6625.02, 0.016, 4.0),
    MetalLine(6627.54, 0.028, 1.0),
    MetalLine(6633.41, 0.025, 1.0),
    MetalLine(6633.75, 0.068, 0.8),
    MetalLine(6635.12, 0.024, 1.0),
    MetalLine(6639.71, 0.010, 2.0),
    MetalLine(6643.64, 0.095, 1.8),
    MetalLine(6646.93, 0.010, 3.0),
    MetalLine(6653.85, 0.010, 1.5),
    MetalLine(6663.45, 0.082, 2.0),
    MetalLine(6667.72, 0.010, 2.0),
    MetalLine(6677.99, 0.130, 3.0),
    MetalLine(6696.02, 0.037, 1.5),
    MetalLine(6698.67, 0.021, 1.8),
    MetalLine(6699.14, 0.008, 1.5),
    MetalLine(6703.57, 0.037, 2.2),
    MetalLine(6705.10, 0.046, 0.8),
    MetalLine(6707.80, 0.005, 4.0),
    MetalLine(6710.32, 0.016, 3.5),
    MetalLine(6713.20, 0.030, 1.5),
    MetalLine(6713.77, 0.021, 1.5),
    MetalLine(6715.38, 0.028, 1.0),
    MetalLine(6716.24, 0.017, 1.5),
    MetalLine(6717.69, 0.120, 4.5),
    MetalLine(6721.85, 0.048, -1.0),
    MetalLine(6725.36, 0.018, 1.5),
    MetalLine(6726.67, 0.046, 1.0),
    MetalLine(6733.15, 0.027, 1.5),
    MetalLine(6739.52, 0.012, 3.0),
    MetalLine(6743.12, 0.018, 4.5),
    MetalLine(6750.15, 0.074, 2.2),
    MetalLine(8498.02, 1.4, 0.8),
    MetalLine(8542.09, 3.4, 0.8),
    MetalLine(8662.14, 2.6, 0.8),
)
"""Neutral and ionised metals: all that matter around Hα, the strongest elsewhere."""

BANDS: Final = (
    Band(4954.6, 120.0, 0.55),
    Band(5166.8, 120.0, 0.60),
    Band(5448.0, 120.0, 0.50),
    Band(5847.6, 120.0, 0.55),
    Band(6158.5, 130.0, 0.70),
    Band(6382.0, 15.0, 0.25),
    Band(6478.0, 14.0, 0.10),
    Band(6512.0, 16.0, 0.12),
    Band(6543.0, 14.0, 0.10),
    Band(6569.0, 10.0, 0.05),
    Band(6596.0, 10.0, 0.02),
    Band(6624.0, 14.0, 0.05),
    Band(6651.5, 90.0, 0.17),
    Band(6681.1, 40.0, 0.17),
    Band(6714.4, 90.0, 0.30),
    Band(6749.0, 140.0, 0.30),
    Band(7053.0, 160.0, 0.85),
    Band(7589.0, 160.0, 0.75),
    Band(8432.0, 150.0, 0.60),
)
"""TiO and CaH band heads (Kirkpatrick, Henry & McCarthy 1991, table 5, and their sub-heads around Hα)."""

HELIUM: Final = ((4471.48, 0.9), (5875.62, 0.9), (6678.15, 0.7))
"""He I lines of B stars: wavelength in air (Å) and equivalent width at the maximum near 20 000 K (Å)."""

BALMER: Final = ((6562.801, 1.0), (4861.33, 1.35), (4340.47, 1.55), (4101.74, 1.65))
"""Balmer lines: wavelength in air (Å) and photospheric strength relative to Hα."""

NEBULAR: Final = (
    (6548.05, "nii", 1 / 3),
    (6583.45, "nii", 1.0),
    (6716.44, "sii", 0.55),
    (6730.82, "sii", 0.45),
)
"""Forbidden lines: wavelength in air (Å), ion, and share of the ion's ratio to Hα."""

TELLURIC: Final = (
    (6508.60, 0.008),
    (6514.72, 0.006),
    (6516.59, 0.029),
    (6523.84, 0.014),
    (6532.36, 0.014),
    (6534.00, 0.009),
    (6536.72, 0.007),
    (6542.31, 0.006),
    (6543.91, 0.014),
    (6547.70, 0.010),
    (6548.62, 0.009),
    (6552.63, 0.011),
    (6557.17, 0.009),
    (6560.56, 0.006),
    (6564.20, 0.014),
    (6572.08, 0.016),
    (6574.85, 0.013),
    (6586.60, 0.005),
)
"""Water vapour of the Earth's air: wavelength in air and equivalent width of a usual night, Å
(strengths estimated on Ondřejov spectra of early-type stars)."""
