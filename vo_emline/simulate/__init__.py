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

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.simulate.archive import Archive as Archive
    from vo_emline.simulate.archive import write_lamost as write_lamost
    from vo_emline.simulate.archive import write_ondrejov as write_ondrejov
    from vo_emline.simulate.library import Library as Library
    from vo_emline.simulate.library import Variations as Variations
    from vo_emline.simulate.library import build_library as build_library
    from vo_emline.simulate.library import vary as vary
    from vo_emline.simulate.population import FRACTIONS as FRACTIONS
    from vo_emline.simulate.population import SKY_FRACTIONS as SKY_FRACTIONS
    from vo_emline.simulate.population import Exposures as Exposures
    from vo_emline.simulate.population import Survey as Survey
    from vo_emline.simulate.population import draw_exposures as draw_exposures
    from vo_emline.simulate.population import draw_stars as draw_stars
    from vo_emline.simulate.stars import FAMILIES as FAMILIES
    from vo_emline.simulate.stars import Stars as Stars
    from vo_emline.simulate.synthesis import Ideal as Ideal
    from vo_emline.simulate.synthesis import synthesise as synthesise
    from vo_emline.simulate.truth import SURVEY_SIGMA as SURVEY_SIGMA
    from vo_emline.simulate.truth import truth_table as truth_table
    from vo_emline.simulate.windows import SimulatedWindows as SimulatedWindows
    from vo_emline.simulate.windows import simulate_windows as simulate_windows

__getattr__, __dir__ = lazily(
    __name__,
    {
        "archive": "Archive write_lamost write_ondrejov",
        "library": "Library Variations build_library vary",
        "population": "Exposures FRACTIONS SKY_FRACTIONS Survey draw_exposures draw_stars",
        "stars": "FAMILIES Stars",
        "synthesis": "Ideal synthesise",
        "truth": "SURVEY_SIGMA truth_table",
        "windows": "SimulatedWindows simulate_windows",
    },
)
