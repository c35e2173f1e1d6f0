"""What hangs on the absorption that is expected alone is never sure."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.preprocess import GRID, WindowSet, identity_table
from vo_emline.preprocess.windows import Prepared
from vo_emline.spectra import HALPHA_VAC, Identity
from vo_emline.survey.model import Predicted
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.scores import tabulate

NOISE = 0.01


def p_cygni(trough: float) -> WindowSet:
    random = np.random.default_rng(4)
    away = GRID - HALPHA_VAC
    flux = (
        1.0 + 0.3 * np.exp(-0.5 * np.square((away - 4.0) / 2.0)) + NOISE * random.standard_normal(GRID.size)
    )
    flux -= trough * np.exp(-0.5 * np.square((away + 4.0) / 2.0))
    return WindowSet(
        flux=flux[None].astype(np.float32),
        ivar=np.full((1, GRID.size), NOISE**-2, dtype=np.float32),
        continuum=np.array([[0.0, 1.0]], dtype=np.float32),
        identity=identity_table([Identity(source="one", snr_r=100.0)]),
    )


@pytest.mark.parametrize(("trough", "emission", "flags"), [
    (0.5, 0.9, "uncertain"), (0.5, 0.995, ""), (0.1, 0.9, ""),
])  # fmt: skip
def test_a_line_that_absorbs_more_than_it_adds_has_to_be_nearly_sure(
    trough: float, emission: float, flags: str
) -> None:
    chances = np.array([[1.0 - emission, emission, 0.0]], dtype=np.float32)
    table, rejects = tabulate(Prepared(p_cygni(trough), ()), Predicted(chances), options=SurveyOptions())
    assert len(rejects) == 0
    row = table.to_pylist()[0]
    assert row["profile"] not in ("filled", "single-in-absorption", "double-in-absorption")
    assert (row["ew"] > 0) == (trough > 0.3)
    assert row["flags"] == flags
