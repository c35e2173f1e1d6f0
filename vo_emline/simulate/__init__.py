"""Simulated spectra with known truth, as both instruments would have seen them.

The chain is the one light takes: a star and its surroundings (`stars`,
`photosphere`, `circumstellar`, built of `profiles` and the `linelist`), a
population of them observed at several epochs (`population`, `pointings`), their noise-free
spectra through the line spread (`synthesis`, on the logarithmic `grids`), the
instrument with its noise and faults (`instruments`), and out: as FITS files
that the readers of :mod:`vo_emline.spectra` take for real ones (`archive`,
`files`), or as windows for training (`windows`). `truth` holds the rule that
names the class of a spectrum. Networks learn from a `training_population` of
more variety, and from real spectra as `hosts` of simulated lines, which
`injection` puts in, for training and evaluation alike; `degrade` makes spectra
worse. For surveys of millions, a `library` of simulated stars is varied.
"""

from vo_emline.simulate.archive import Archive, write_lamost, write_ondrejov
from vo_emline.simulate.library import Library, Variations, build_library, vary
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
from vo_emline.simulate.truth import SURVEY_SIGMA, truth_table
from vo_emline.simulate.windows import SimulatedWindows, simulate_windows

__all__ = [
    "FAMILIES",
    "FRACTIONS",
    "SKY_FRACTIONS",
    "SURVEY_SIGMA",
    "Archive",
    "Exposures",
    "Ideal",
    "Library",
    "SimulatedWindows",
    "Stars",
    "Survey",
    "Variations",
    "build_library",
    "draw_exposures",
    "draw_stars",
    "simulate_windows",
    "synthesise",
    "truth_table",
    "vary",
    "write_lamost",
    "write_ondrejov",
]
