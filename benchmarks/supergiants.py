"""How the model that ships classifies hot supergiants and giants, made here by formulas of their own.

``make bench-supergiants``: weak Hα absorption (0.2-0.6 Å), the same a little filled, giants (2-6 Å), helium
stars (a fifth of a supergiant's hydrogen, three times its helium; Hα 0.2-1.5 Å), P Cygni profiles; hydrogen
and helium at 9000-26 000 K, at LAMOST's line spread and S/N 50 to 300. An argument is the seed.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np

from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import Prepared
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.spectra import HALPHA_VAC, Identity, Spectrum
from vo_emline.survey import SurveyOptions, score
from vo_emline.survey.model import load_scorer

WAVE: Final = 10 ** np.arange(3.58, 3.958, 1e-4)
OTHERS: Final = {
    4862.7: 0.9,
    4341.7: 0.8,
    4102.9: 0.75,
    5877.2: 0.5,
    6680.0: 0.4,
    4472.7: 0.5,
    7067.1: 0.3,
    8752.9: 0.6,
}
"""Equivalent widths of other lines, Å, by their vacuum wavelength."""

HELIUM: Final = (5877.2, 6680.0, 4472.7, 7067.1)

Random = np.random.Generator


def line(place: float, ew: float, kms: float, velocity: float) -> np.ndarray:
    """Give a Gaussian of an equivalent width, in Å, and σ and velocity in km/s."""
    sigma = place * kms / 299_792.458
    away = (WAVE - place * (1.0 + velocity / 299_792.458)) / sigma
    return np.asarray(ew / (sigma * np.sqrt(2.0 * np.pi)) * np.exp(-0.5 * np.square(away)))


def halpha(kind: str, kms: float, velocity: float, random: Random) -> np.ndarray:
    """Give Hα of a kind, relative to the continuum."""
    if kind == "weak absorption":
        return -line(HALPHA_VAC, random.uniform(0.2, 0.6), kms, velocity)
    if kind == "helium star":
        return -line(HALPHA_VAC, random.uniform(0.2, 1.5), 1.5 * kms, velocity)
    if kind == "giant":
        return -line(HALPHA_VAC, random.uniform(2.0, 6.0), 2.2 * kms, velocity)
    if kind == "P Cygni":
        trough = line(HALPHA_VAC, random.uniform(0.3, 1.2), 0.8 * kms, velocity - random.uniform(80, 200))
        return line(HALPHA_VAC, random.uniform(0.6, 3.0), kms, velocity + random.uniform(20, 80)) - trough
    filling = line(HALPHA_VAC, random.uniform(0.1, 0.3), 1.2 * kms, velocity + random.uniform(-60, 60))
    return filling - line(HALPHA_VAC, random.uniform(0.6, 1.2), 1.3 * kms, velocity)


def star(kind: str, snr: float, random: Random) -> Spectrum:
    """Make a spectrum."""
    kelvin, kms, velocity = random.uniform(9000, 26_000), random.uniform(30, 90), random.uniform(-60, 60)
    light = 1.0 / (WAVE**5 * np.expm1(1.4388e8 / (WAVE * kelvin)))
    widths = {place: ew * random.uniform(0.8, 1.3) for place, ew in OTHERS.items()}
    if kind == "helium star":
        widths = {place: ew * (3.0 if place in HELIUM else 0.2) for place, ew in widths.items()}
    flux = (
        1.0
        - sum(line(place, ew, kms, velocity) for place, ew in widths.items())
        + halpha(kind, kms, velocity, random)
    )
    flux *= light / np.median(light)
    kernel = np.exp(-0.5 * np.square(np.arange(-6, 7) * 1.5117 / 1.549))
    flux = np.convolve(flux, kernel / kernel.sum(), "same")
    error = np.sqrt(np.maximum(flux, 0.02)) / snr
    flux = flux + error * random.normal(size=flux.size)
    name = f"{random.integers(1 << 40)}.fits"
    return Spectrum(
        wavelength_vac=WAVE, flux=flux, ivar=1.0 / error**2, mask=np.zeros(WAVE.size, dtype=bool),
        resolving_power=1800.0, identity=Identity(source=name),
    )  # fmt: skip


def main() -> None:
    """Make, classify and count."""
    scorer, random = (
        load_scorer(DEFAULT_MODEL, SurveyOptions()),
        np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 99),
    )
    sys.stdout.write(f"{'kind':18s} {'S/N':>4s} {'n':>4s} positive double sure\n")
    for kind in ("weak absorption", "a little filled", "giant", "P Cygni", "helium star"):
        for snr in (50, 100, 200, 300):
            windows, rejects = prepare([star(kind, snr, random) for _ in range(100)], PreprocessOptions())
            table, _ = score(Prepared(windows, tuple(rejects)), scorer, options=SurveyOptions())
            rows = [row for row in table.to_pylist() if row["label"] != "absorption"]
            double = sum(row["label"] == "double-peak" for row in rows)
            sure = sum("uncertain" not in row["flags"].split() for row in rows)
            sys.stdout.write(f"{kind:18s} {snr:4d} {len(windows):4d} {len(rows):8d} {double:6d} {sure:4d}\n")


if __name__ == "__main__":
    main()
