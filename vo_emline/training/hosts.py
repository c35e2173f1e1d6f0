"""Injection training: unlabelled survey spectra as negatives, and as hosts of emission put into them.

More than 99 % of the spectra of a survey show no emission at Hα. Taken as
they are, they teach the network what noise, sky residue and cool stars look
like in that survey; with a simulated line added they teach it what emission
looks like among them.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import pyarrow as pa

from vo_emline.arrays import Column, FloatArray
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.measure.nebula import p_nebular
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate.hosts import can_host, relative_noise
from vo_emline.simulate.injection import draw_rows, inject_each
from vo_emline.simulate.training_population import FRACTIONS, NO_EMISSION, SIGNIFICANCE
from vo_emline.simulate.truth import COMPONENT_DIP, VISIBLE, is_lost
from vo_emline.spectra import HALPHA_VAC
from vo_emline.training.blemishes import blemish
from vo_emline.training.examples import NAMING, Examples, join, stars_of

NEGATIVE: Final = "survey"
"""Origin of unlabelled survey spectra taken as negatives."""

INJECTED: Final = "injected"
"""Origin of survey spectra with emission put in."""

SCREEN: Final = 6.0
"""A survey spectrum whose flux beside the star's velocity at Hα rises above its continuum by more than
this many standard deviations is no negative: it is left out, as is one over which a nebula lies."""

PLAINLY_NEBULAR: Final = 0.85
"""Probability of a nebula from which on a survey spectrum is no negative."""

LINE_SPREADS: Final = (1.2, 2.4)
"""Range of LAMOST's line spread: standard deviations at Hα, Å."""

_CORE: Final = np.abs(GRID - HALPHA_VAC) < 8.0
_EMITTERS: Final = {name: share for name, share in FRACTIONS.items() if name not in NO_EMISSION}


def host_examples(
    survey: WindowSet, *, negatives: int, injected: int, seed: int, options: PreprocessOptions | None = None
) -> Examples:
    """Make examples of unlabelled survey spectra, of origin :data:`NEGATIVE` and :data:`INJECTED`.

    Rows of one spectrum carry its identity, so that a split by star keeps
    them together. There are none where no spectrum passes the screen.

    Parameters
    ----------
    survey
        Windows of survey spectra, without those of stars known to emit.
    negatives, injected
        How many examples of either kind to make; spectra are used several
        times where there are fewer.
    seed
        The same seed gives the same examples.
    options
        How the windows were prepared; None for the defaults.
    """
    random = np.random.default_rng([seed, 7])
    quiet = survey.take((excess(survey) < SCREEN) & (p_nebular(survey) < PLAINLY_NEBULAR))
    rows = draw_rows(np.arange(len(quiet)), negatives, random)
    prepared = options or PreprocessOptions()
    spoilt = blemish(quiet.take(rows), seed=seed, options=prepared)
    plain = Examples.of(spoilt, np.full(rows.size, ABSORPTION), origin=NEGATIVE)
    stellar = quiet.take(can_host(quiet))
    hosts = stellar.take(draw_rows(np.arange(len(stellar)), injected, random))
    if not len(hosts):
        return plain
    return join([plain, inject(hosts, seed=seed, options=prepared)])


def without_known_emitters(survey: WindowSet, labelled: Examples) -> WindowSet:
    """Leave out survey spectra of stars that the labelled set calls emission or double-peak."""
    identity = pa.concat_tables([table.identity.select(list(NAMING)) for table in (survey, labelled.windows)])
    star = stars_of(identity)
    emitters = star[len(survey) :][labelled.label != ABSORPTION]
    return survey.take(~np.isin(star[: len(survey)], emitters))


def excess(windows: WindowSet) -> FloatArray:
    """Tell by how many standard deviations of the continuum the flux near Hα rises above it, shape (n,).

    The mean of three pixels counts, the highest within 8 Å.
    """
    flux, _ = windows.unscaled()
    above = flux - fit_line(flux)
    smooth = (above[:, :-2] + above[:, 1:-1] + above[:, 2:]) / 3
    return np.asarray(smooth[:, _CORE[1:-1]].max(axis=1) * np.sqrt(3) / _noise(above))


def inject(hosts: WindowSet, *, seed: int, options: PreprocessOptions) -> Examples:
    """Put a simulated emission component into each host.

    The component has the line spread of the survey and adds its photon noise.
    Examples whose class is not beyond doubt are left out: lines too weak to be
    seen in that host, and profiles that are double with the photosphere they
    were simulated with and single without it, or the other way round.

    Parameters
    ----------
    hosts
        Windows without emission.
    seed
        Decides which components.
    options
        How the windows were prepared.
    """
    random = np.random.default_rng([seed, 8])
    spread = random.uniform(*LINE_SPREADS, len(hosts))
    injected = inject_each(
        hosts,
        seed=seed,
        fractions=_EMITTERS,
        spread=spread,
        significance=SIGNIFICANCE,
        random=random,
        options=options,
    )
    truth = injected.truth
    strength = np.sqrt(np.square(injected.light.component / relative_noise(hosts)[:, None]).sum(axis=1))
    # a broad line on the narrow core of its star is a single one, whatever the core makes of it
    one_shape = np.array(truth["one_shape"]) | (np.array(truth["component_dip"]) < COMPONENT_DIP)
    taught = (strength > VISIBLE) & one_shape & (np.array(truth["ew"]) < 0)
    light = injected.light
    taught &= ~is_lost(light.ideal, light.exposures, light.stars)
    label = np.array([LABELS.index(name) for name in truth["label"].to_pylist()], dtype=np.int64)
    windows = dataclasses.replace(injected.windows, indices=None)
    return Examples.of(windows.take(taught), label[taught], origin=INJECTED)


def _noise(residual: FloatArray) -> Column:
    """Scatter of the continuum pixels of each window, robust, shape (n,)."""
    sides = residual[:, ~_CORE]
    return np.maximum(1.4826 * np.median(np.abs(sides), axis=1), 1e-12)
