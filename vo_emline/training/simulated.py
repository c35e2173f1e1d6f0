"""Simulated windows as examples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vo_emline.labels import LABELS
from vo_emline.preprocess.identity import IDENTITY_SCHEMA
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.simulate import SimulatedWindows
from vo_emline.training.examples import Examples

ORIGIN = "simulated"


def simulated_examples(
    simulated: SimulatedWindows, *, options: PreprocessOptions | None = None, origin: str = ORIGIN
) -> Examples:
    """Scale simulated windows and label them by their truth.

    Spectra that a careful eye would call *unknown* are left out, as are those
    of the labelled archive.

    Parameters
    ----------
    simulated
        What :func:`~vo_emline.simulate.simulate_windows` gave.
    options
        How the windows they join are prepared: continuum and scaling; None for the defaults.
    origin
        What the metrics call them.
    """
    clear = np.flatnonzero(~np.array(simulated.truth["doubtful"].to_pylist(), dtype=bool))
    truth = simulated.truth.take(clear)
    label = [LABELS.index(name) for name in truth["label"].to_pylist()]
    windows = finish(
        simulated.flux[clear],
        simulated.ivar[clear],
        identity=_identity(truth),
        options=options or PreprocessOptions(),
    )
    return Examples.of(windows, np.array(label, dtype=np.int64), origin=origin)


def _identity(truth: pa.Table) -> pa.Table:
    """Name the stars as the truth does; what a window without a file cannot know stays empty."""
    known = {
        "source": truth["object_name"],
        "survey": truth["survey"],
        "object_name": truth["object_name"],
        "ra": truth["ra"],
        "dec": truth["dec"],
        "epoch_mjd": truth["epoch_mjd"],
        "snr_r": truth["snr"],
    }
    return pa.table(
        [
            known[field.name].cast(field.type) if field.name in known else _blank(field.type, truth.num_rows)
            for field in IDENTITY_SCHEMA
        ],
        schema=IDENTITY_SCHEMA,
    )


def _blank(kind: pa.DataType, n: int) -> pa.Array:
    return pa.array([""] * n, kind) if pa.types.is_string(kind) else pa.nulls(n, kind)
