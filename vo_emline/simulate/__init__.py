"""Simulated spectra with known truth, as both instruments would have seen them.

The chain is the one light takes: a star and its surroundings (`stars`,
`photosphere`, `circumstellar`, built of `profiles` and the `linelist`), a
population of them observed at several epochs (`population`), their noise-free
spectra through the line spread (`synthesis`, on the logarithmic `grids`), the
instrument with its noise and faults (`instruments`), and out: as FITS files
that the readers of :mod:`vo_emline.spectra` take for real ones (`archive`,
`lamost_files`, `ondrejov_files`), or as windows for training (`windows`).
`truth` holds the rule that names the class of a spectrum.
"""

from vo_emline.simulate.archive import Archive, write_lamost, write_ondrejov
from vo_emline.simulate.population import (
    FRACTIONS,
    SKY_FRACTIONS,
    Exposures,
    Survey,
    draw_exposures,
    draw_stars,
)
from vo_emline.simulate.stars import FAMILIES, Stars
from vo_emline.simulate.synthesis import Ideal, synthesise
from vo_emline.simulate.truth import DIP, SURVEY_SIGMA, truth_table
from vo_emline.simulate.windows import SimulatedWindows, simulate_windows

__all__ = [
    "DIP",
    "FAMILIES",
    "FRACTIONS",
    "SKY_FRACTIONS",
    "SURVEY_SIGMA",
    "Archive",
    "Exposures",
    "Ideal",
    "SimulatedWindows",
    "Stars",
    "Survey",
    "draw_exposures",
    "draw_stars",
    "simulate_windows",
    "synthesise",
    "truth_table",
    "write_lamost",
    "write_ondrejov",
]
