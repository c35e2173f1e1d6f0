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

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.preprocess.compare import Step as Step
    from vo_emline.preprocess.compare import adaptation_steps as adaptation_steps
    from vo_emline.preprocess.compare import measure_velocity as measure_velocity
    from vo_emline.preprocess.compare import shift as shift
    from vo_emline.preprocess.identity import COVERAGE_SCHEMA as COVERAGE_SCHEMA
    from vo_emline.preprocess.identity import IDENTITY_SCHEMA as IDENTITY_SCHEMA
    from vo_emline.preprocess.identity import coverage_table as coverage_table
    from vo_emline.preprocess.identity import identity_at as identity_at
    from vo_emline.preprocess.identity import identity_table as identity_table
    from vo_emline.preprocess.options import THESIS as THESIS
    from vo_emline.preprocess.options import Continuum as Continuum
    from vo_emline.preprocess.options import LsfMethod as LsfMethod
    from vo_emline.preprocess.options import PreprocessOptions as PreprocessOptions
    from vo_emline.preprocess.options import Scaling as Scaling
    from vo_emline.preprocess.section import needed_wavelengths as needed_wavelengths
    from vo_emline.preprocess.store import count_windows as count_windows
    from vo_emline.preprocess.store import iter_windows as iter_windows
    from vo_emline.preprocess.store import read_options as read_options
    from vo_emline.preprocess.store import read_rejects as read_rejects
    from vo_emline.preprocess.store import read_windows as read_windows
    from vo_emline.preprocess.store import write_rejects as write_rejects
    from vo_emline.preprocess.store import write_windows as write_windows
    from vo_emline.preprocess.windows import GRID as GRID
    from vo_emline.preprocess.windows import N_PIXELS as N_PIXELS
    from vo_emline.preprocess.windows import WINDOW_VAC as WINDOW_VAC
    from vo_emline.preprocess.windows import WindowSet as WindowSet
    from vo_emline.preprocess.windows import concatenate as concatenate

__getattr__, __dir__ = lazily(
    __name__,
    {
        "compare": "Step adaptation_steps measure_velocity shift",
        "identity": "COVERAGE_SCHEMA IDENTITY_SCHEMA coverage_table identity_at identity_table",
        "options": "Continuum LsfMethod PreprocessOptions Scaling THESIS",
        "section": "needed_wavelengths",
        "store": "count_windows iter_windows read_options read_rejects read_windows write_rejects "
        "write_windows",
        "windows": "GRID N_PIXELS WINDOW_VAC WindowSet concatenate",
    },
)
