"""Quality flags: what a user should know before trusting a label.

Some are of every spectrum, some of the measured line of candidates: a nebula, lost pixels, a crowded
neighbourhood.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import BoolArray, Column, FloatArray
from vo_emline.labels import ABSORPTION
from vo_emline.measure.baseline import SIDE_BANDS
from vo_emline.measure.filled import MAY_BE_NEBULAR
from vo_emline.measure.lines import EmissionLines, measure_lines
from vo_emline.measure.matched import MOST_ABSORPTION, stands_out
from vo_emline.measure.nebula import NEBULAR, p_nebular
from vo_emline.measure.robust import row_medians
from vo_emline.measure.shape import LINE_HALF_WIDTH
from vo_emline.measure.wide import WideLines, measure_wide
from vo_emline.preprocess.artefacts import PREFIX
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra import HALPHA_VAC, READ_FLAGS
from vo_emline.survey.model import Predicted
from vo_emline.survey.options import SurveyOptions

_OWN: Final = {
    "uncertain": "no class is probable enough, the S/N is too low to tell, a line is seen where there is an "
    "artefact, or like none that the network was shown, or emission lies within an absorption, only "
    "fills it or adds less light than is absorbed beside it, and is not nearly sure, or may be a nebula's",
    "low_snr": "the S/N is below the limit",
    "ivar_suspect": "the inverse variance is zero on the line alone, as LAMOST DR1 has it on strong emission",
    "not_a_star": "the survey's pipeline calls it a galaxy or quasar",
    "screened": "the small network found no sign of emission, and the full one has not seen it",
    "line_unlike_training": "a line stands out of the continuum beyond doubt and the network does not see "
    "it: the label is its second choice, and uncertain",
    "unlike_training": "candidates: a line like none that the network was shown; uncertain",
    "nebular": "narrow [N II] or [S II] at the velocity of narrow Hα: a nebula lies over the star",
    "low_coverage": "candidates: pixels of the line, or those its continuum is taken from, are bad",
    "blended": "candidates: bands of molecules or other lines crowd the line and its continuum",
}

FLAGS: Final = _OWN | READ_FLAGS
"""Every flag and what it says."""

CORE_A: Final = 10.0
"""Half width of the region around Hα in which the inverse variance of DR1 is wrong, Å."""

NEBULAR_FROM: Final = 0.01
"""A nebula is looked for in spectra whose score is above this: where there is any sign of emission."""

SURE_FILLED: Final = 0.99
"""A line that has no peak of its own and only fills the core, lies within an absorption, or takes more light
away than it adds is uncertain where emission is less probable: all hangs on the absorption that is expected,
which errs by more in hot supergiants, whose hydrogen is weak, and in stars and on plates unknown to it."""

LOST_SHARE: Final = 0.1
"""A line has low coverage where more of its pixels, or of those of its side bands, are bad."""

CROWDED: Final = 2.5
"""The neighbourhood is crowded where the side bands scatter by so many times the stated noise. The noise
alone gives 0.5 to 0.9, because LAMOST overstates it."""

_BANDS: Final = tuple((0.5 * (first + last), 0.5 * (last - first)) for first, last in SIDE_BANDS)


class Candidates(NamedTuple):
    """The spectra of which lines are measured."""

    rows: npt.NDArray[np.intp]
    """Which of the windows they are, shape (m,)."""
    lines: EmissionLines
    """Their lines, m of them."""
    wide: WideLines
    """The wide ones among these."""


def find_candidates(windows: WindowSet, label: npt.NDArray[np.integer[Any]]) -> Candidates:
    """Measure the lines of the spectra that are labelled emission or double-peak; `label` has shape (n,)."""
    rows = np.flatnonzero(label != ABSORPTION)
    some = windows.take(rows)
    return Candidates(rows, measure_lines(some), measure_wide(some))


def look_for_nebulae(windows: WindowSet, predicted: Predicted) -> Column:
    """Give the probability of a nebula, shape (n,); NaN where there is no sign of emission at all."""
    found = np.full(len(windows), np.nan)
    rows = np.flatnonzero(predicted.probability[:, ABSORPTION] < 1.0 - NEBULAR_FROM)
    if rows.size:
        found[rows] = p_nebular(windows.take(rows))
    return found


def flag(
    windows: WindowSet,
    predicted: Predicted,
    candidates: Candidates,
    *,
    nebular: Column,
    filled: BoolArray,
    inside: BoolArray,
    options: SurveyOptions,
) -> pa.Array:
    """Give the flags of each window, words separated by spaces, in the order of :data:`FLAGS`.

    Parameters
    ----------
    windows
        Windows, n of them.
    predicted
        Class probabilities, shape (n, 3), and which of them a cascade has settled.
    candidates
        Those of which lines are measured.
    nebular
        What :func:`look_for_nebulae` gave, shape (n,).
    filled
        Which of them are candidates whose line only fills the core, shape (n,).
    inside
        … and whose line lies within an absorption, or takes more light away than it adds, shape (n,).
    options
        Limits of probability and S/N.

    Returns
    -------
    pyarrow.Array
        Text, length n.
    """
    low = signal_to_noise(windows) < options.low_snr
    screened = predicted.screened
    spoilt = pc.match_substring(windows.identity["read_flags"], PREFIX).to_numpy()
    # of what spoils a spectrum an absorption that is seen all the same is no less sure
    artefact = np.zeros(len(windows), dtype=bool)
    artefact[candidates.rows] = spoilt[candidates.rows]
    unlike = np.zeros(len(windows), dtype=bool) if predicted.unlike is None else predicted.unlike
    unsure = predicted.probability.max(axis=1) < options.uncertain_below
    nearly_sure = predicted.probability[:, ABSORPTION] < 1.0 - SURE_FILLED
    unsure |= (filled | inside) & ~nearly_sure
    unsure |= filled & (np.nan_to_num(nebular) > MAY_BE_NEBULAR)
    raised = {
        "uncertain": unsure | low | artefact | unlike,
        "unlike_training": unlike,
        "low_snr": low,
        "ivar_suspect": ivar_suspect(windows),
        "not_a_star": _among(windows.identity["spectral_class"], ("GALAXY", "QSO")),
        "screened": np.zeros(len(windows), dtype=bool) if screened is None else screened,
        "line_unlike_training": _where(
            predicted.probability[:, ABSORPTION] >= np.float32(MOST_ABSORPTION), windows, stands_out
        ),
        "nebular": np.nan_to_num(nebular) > NEBULAR,
    }
    raised |= _of_lines(candidates, suspect=raised["ivar_suspect"] | _old(windows))
    combination = sum((raised[name].astype(np.int64) << bit for bit, name in enumerate(_OWN)), np.int64(0))
    own = pa.array(_COMBINATIONS).take(pa.array(np.broadcast_to(combination, len(windows))))
    return _joined(own, windows.identity["read_flags"].combine_chunks())


def _where(rows: BoolArray, windows: WindowSet, tell: Callable[[WindowSet], BoolArray]) -> BoolArray:
    """Tell something of some of the windows; it is false of all others."""
    found = np.zeros(len(windows), dtype=bool)
    if rows.any():
        found[rows] = tell(windows.take(rows))
    return found


def _joined(own: pa.Array, of_reading: pa.Array) -> pa.Array:
    """Put what was assumed when the spectra were read behind the flags of the survey."""
    if not pc.any(pc.not_equal(of_reading, "")).as_py():
        return own
    return pc.utf8_trim(pc.binary_join_element_wise(own, of_reading, " "), " ")


def _of_lines(candidates: Candidates, *, suspect: BoolArray) -> dict[str, BoolArray]:
    """Raise the flags of measured lines; spectra that are no candidates have none."""
    rows, lines = candidates.rows, candidates.lines
    found = {
        "low_coverage": low_coverage(lines.windows, suspect=suspect[rows]),
        "blended": blended(lines),
    }
    raised = {name: np.zeros(len(suspect), dtype=bool) for name in found}
    for name, values in found.items():
        raised[name][rows] = values
    return raised


_COMBINATIONS: Final = [
    " ".join(name for bit, name in enumerate(_OWN) if number >> bit & 1) for number in range(2 ** len(_OWN))
]
"""The text of every combination of flags, by the number whose bits they are."""


def signal_to_noise(windows: WindowSet) -> npt.NDArray[np.float64]:
    """Give S/N per pixel, shape (n,): in r as the survey states it, else in the window.

    Where no error is stated, it follows from the differences of every other pixel (Stoehr et al. 2008, ASP
    Conf. 394, 505): NaN for a window without noise.
    """
    snr = windows.identity["snr_r"].to_numpy().astype(np.float64)
    unstated = np.flatnonzero(~np.isfinite(snr) & (windows.ivar > 0).any(axis=1))
    if len(unstated):
        ratio = np.abs(windows.pixel_snr()[unstated])
        snr[unstated] = row_medians(np.where(windows.ivar[unstated] > 0, ratio, np.nan))
    unknown = np.flatnonzero(~np.isfinite(snr))
    if len(unknown):
        snr[unknown] = _snr_of_flux(windows.take(unknown).unscaled()[0])
    return np.where(np.isfinite(snr), snr, np.nan)


def _snr_of_flux(flux: FloatArray) -> FloatArray:
    third = np.abs(2.0 * flux[:, 2:-2] - flux[:, :-4] - flux[:, 4:])
    noise = 1.4826 / np.sqrt(6.0) * np.median(third, axis=1)
    return np.asarray(np.median(flux, axis=1) / np.where(noise > 0, noise, np.nan))


def ivar_suspect(windows: WindowSet) -> BoolArray:
    """Tell where the inverse variance is zero on the line alone, shape (n,)."""
    core = np.abs(GRID - HALPHA_VAC) < CORE_A
    unknown = windows.ivar <= 0
    return np.asarray(unknown[:, core].any(axis=1) & (unknown[:, ~core].mean(axis=1) < 0.1))


def _old(windows: WindowSet) -> BoolArray:
    """Tell spectra of LAMOST pipeline 2.6, whose inverse variances at Hα mean nothing, shape (n,)."""
    release = pc.utf8_ltrim(windows.identity["release"], "vV")
    return np.asarray(pc.fill_null(pc.starts_with(release, "2.6"), False).to_numpy())


def _among(column: pa.ChunkedArray, values: tuple[str, ...]) -> BoolArray:
    return np.asarray(pc.is_in(column, pa.array(values)).to_numpy())


def low_coverage(windows: WindowSet, *, suspect: BoolArray) -> BoolArray:
    """Tell lines of which pixels are bad, or those their pseudo-continuum comes from, shape (n,).

    Parameters
    ----------
    windows
        Windows, n of them; those without any inverse variance say nothing of bad pixels.
    suspect
        Where zeros of the inverse variance on the line mean nothing.
    """
    lost = windows.ivar <= 0
    line = np.abs(GRID - HALPHA_VAC) <= LINE_HALF_WIDTH
    sides = np.logical_or(*(np.abs(GRID - middle) <= half for middle, half in _BANDS))
    share = [lost[:, part].mean(axis=1) > LOST_SHARE for part in (line, sides)]
    return np.asarray(((share[0] & ~suspect) | share[1]) & ~lost.all(axis=1))


def blended(lines: EmissionLines) -> BoolArray:
    """Tell lines amid bands of molecules or other lines, by the scatter of their side bands, shape (n,)."""
    windows = lines.windows
    beside = np.abs(GRID - HALPHA_VAC) > LINE_HALF_WIDTH
    stated = windows.pixel_snr()
    known = (windows.ivar > 0) & beside
    snr = row_medians(np.where(known, stated, np.nan))
    return np.asarray(snr / lines.baseline.snr > CROWDED)
