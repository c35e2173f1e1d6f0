"""From a spectrum to the window of 140 pixels around Hα that the network sees.

:func:`prepare` takes spectra and gives a :class:`WindowSet` and the rejects.
The steps, each a module of pure functions over many spectra:

===============  ==================================================================
module           what it knows
===============  ==================================================================
``section``      what of spectra the windows need, and why there can be no window
``lsf``          line-spread matching from the two resolving powers, in Å
``indices``      what the rest of the spectrum says about its star
``resample``     linear interpolation, with the inverse variance; bad pixels
``continuum``    dividing by the straight line through the continuum
``scale``        standardising, or minimum to maximum
``prepare``      all of them in turn, spectra on equal wavelengths together
``options``      the settings
``windows``      the grid and the set of windows
``identity``     identities and coverage as Arrow tables
``store``        windows and rejects on disk
``compare``      how much closer each step brings two instruments
===============  ==================================================================

Air wavelengths become vacuum ones in the readers. Velocities are left alone:
Ondřejov spectra lack the heliocentric correction that LAMOST's have, which is
less than half a pixel of the window (:mod:`vo_emline.spectra`).
"""

from vo_emline.preprocess.compare import Step, adaptation_steps, measure_velocity, shift
from vo_emline.preprocess.identity import (
    COVERAGE_SCHEMA,
    IDENTITY_SCHEMA,
    coverage_table,
    identity_at,
    identity_table,
)
from vo_emline.preprocess.options import THESIS, Continuum, LsfMethod, PreprocessOptions, Scaling
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.section import needed_wavelengths
from vo_emline.preprocess.store import (
    count_windows,
    iter_windows,
    read_options,
    read_rejects,
    read_windows,
    write_rejects,
    write_windows,
)
from vo_emline.preprocess.windows import GRID, N_PIXELS, WINDOW_VAC, WindowSet, concatenate

__all__ = [
    "COVERAGE_SCHEMA",
    "GRID",
    "IDENTITY_SCHEMA",
    "N_PIXELS",
    "THESIS",
    "WINDOW_VAC",
    "Continuum",
    "LsfMethod",
    "PreprocessOptions",
    "Scaling",
    "Step",
    "WindowSet",
    "adaptation_steps",
    "concatenate",
    "count_windows",
    "coverage_table",
    "identity_at",
    "identity_table",
    "iter_windows",
    "measure_velocity",
    "needed_wavelengths",
    "prepare",
    "read_options",
    "read_rejects",
    "read_windows",
    "shift",
    "write_rejects",
    "write_windows",
]
