from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.measure import measure_windows
from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet
from vo_emline.simulate.hosts import can_host
from vo_emline.simulate.injection import KINDS, inject, sticks_out
from vo_emline.spectra import HALPHA_VAC

NEAR = np.abs(GRID - HALPHA_VAC) < 10


def test_one_seed_gives_one_set_of_injections(hosts: WindowSet) -> None:
    first, second, other = (inject(hosts, 20, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.windows.flux, second.windows.flux)
    assert first.truth.equals(second.truth)
    assert not np.array_equal(first.windows.flux, other.windows.flux)


def test_every_kind_is_put_in_and_classes_follow_the_rule(hosts: WindowSet) -> None:
    truth = inject(hosts, 300, seed=1).truth
    assert set(truth["family"].to_pylist()) == set(KINDS)
    assert set(truth["label"].to_pylist()) == set(LABELS[1:])
    doubles = set(truth.filter(pc.equal(truth["label"], "double-peak"))["family"].to_pylist())
    assert {"disk", "shell"} <= doubles
    assert "nebular" not in doubles
    clear = np.array(truth["clear"]) & (np.array(truth["family"].to_pylist()) == "p-cygni")
    assert not clear.any()


def test_the_measured_line_is_stronger_by_what_was_put_in(negatives: WindowSet) -> None:
    found = inject(negatives, 200, seed=2, kinds=["single"], significance=(30.0, 100.0))
    before, after = measure_windows(negatives.take(found.host)), measure_windows(found.windows)
    ratio = (after.ew - before.ew) / np.array(found.truth["ew"])
    # broad wings leave the 16 Å over which the width is measured, and the continuum follows them
    assert np.median(ratio) == pytest.approx(0.97, abs=0.05)
    assert np.quantile(np.abs(ratio - 1), 0.8) < 0.15


def test_significance_is_the_width_over_its_error(hosts: WindowSet) -> None:
    truth = inject(hosts, 100, seed=3, significance=(5.0, 50.0)).truth
    found = np.array(truth["ew_significance"])
    np.testing.assert_allclose(found, np.abs(np.array(truth["ew"])) / np.array(truth["ew_error"]))
    assert 1.0 < np.median(found) < 50.0


def test_the_line_brings_photon_noise(hosts: WindowSet) -> None:
    bright = hosts.take(np.flatnonzero(can_host(hosts, least_snr=40.0)))
    found = inject(bright, 200, seed=4, kinds=["nebular"], significance=(300.0, 300.0))
    _, before = bright.take(found.host).unscaled()
    _, after = found.windows.unscaled()
    known = before > 0
    ratio = np.where(known, after, np.nan) / np.where(known, before, 1.0)
    assert np.nanmedian(np.nanmin(ratio[:, NEAR], axis=1)) < 0.6
    assert np.nanmedian(ratio[:, np.abs(GRID - HALPHA_VAC) > 100]) == pytest.approx(1.0, abs=0.02)


def test_first_releases_lose_the_inverse_variance_on_strong_lines(hosts: WindowSet) -> None:
    index = hosts.identity.schema.get_field_index("release")
    old = hosts.identity.set_column(index, "release", pa.array(["v2.6.4"] * len(hosts)))
    found = inject(dataclasses.replace(hosts, identity=old), 100, seed=6)
    strong = np.array(found.truth["ew"]) < -4.0
    lost = (found.windows.ivar[:, NEAR] == 0).any(axis=1)
    assert lost[strong].all()
    assert not lost[~strong & (hosts.ivar[found.host][:, NEAR] > 0).all(axis=1)].any()


def test_a_bump_sticks_out_and_a_shallower_core_does_not() -> None:
    offset = (GRID - HALPHA_VAC)[None, :]
    photosphere = 1 - 0.5 * np.exp(-0.5 * (offset / 6) ** 2)
    bump = photosphere + 0.3 * np.exp(-0.5 * (offset / 2) ** 2)
    shallower = photosphere + 0.2 * np.exp(-0.5 * (offset / 6) ** 2)
    above = photosphere + 1.5 * np.exp(-0.5 * (offset / 12) ** 2)
    assert sticks_out(np.concatenate([bump, shallower, above, photosphere])).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_hosts_take_turns_and_unfit_ones_are_left_out(negatives: WindowSet) -> None:
    fit = np.flatnonzero(can_host(negatives))
    used, count = np.unique(inject(negatives, 2 * fit.size + 5, seed=7).host, return_counts=True)
    np.testing.assert_array_equal(used, fit)
    assert set(count) == {2, 3}


def test_injections_are_prepared_as_they_are_wanted(hosts: WindowSet) -> None:
    found = inject(hosts, 30, seed=8, options=PreprocessOptions(scaling="minmax"))
    assert np.abs(found.windows.flux).max() == pytest.approx(1.0, abs=1e-6)


def test_without_a_continuum_there_is_nothing_to_put_emission_into(hosts: WindowSet) -> None:
    dark = dataclasses.replace(hosts, continuum=hosts.continuum * np.array([-1, 1], dtype=np.float32))
    with pytest.raises(UserError, match="positive continuum"):
        inject(dark, 10, seed=1)
