from __future__ import annotations

import numpy as np
import pytest

from vo_emline.preprocess import WindowSet
from vo_emline.simulate.degrade import degrade
from vo_emline.simulate.hosts import relative_noise


def test_the_noise_is_as_wanted_and_stated(hosts: WindowSet) -> None:
    found = degrade(hosts, seed=1, snr=(3.0, 15.0))
    stated = np.array(found.identity["snr_r"].to_pylist())
    assert stated.min() >= 3.0
    assert stated.max() <= 15.0
    assert np.median(relative_noise(found) * stated) == pytest.approx(1.0, abs=0.08)


def test_spectra_too_noisy_to_be_made_worse_are_left_out(hosts: WindowSet) -> None:
    bright = relative_noise(hosts) * 15.0 * 1.5 < 1.0
    assert 0 < bright.sum() < len(hosts)
    assert len(degrade(hosts.take(bright), seed=2, copies=3)) == 3 * bright.sum()
    assert len(degrade(hosts.take(relative_noise(hosts) > 1 / 4), seed=2)) == 0


def test_the_same_seed_adds_the_same_noise(hosts: WindowSet) -> None:
    first, second = degrade(hosts, seed=3), degrade(hosts, seed=3)
    np.testing.assert_array_equal(first.flux, second.flux)


def test_lines_keep_their_depth(hosts: WindowSet) -> None:
    bright = hosts.take(relative_noise(hosts) < 1 / 60)
    many = degrade(bright.take([0]), seed=4, copies=800, snr=(10.0, 10.0))
    offset, scale = many.continuum[:, :1], many.continuum[:, 1:]
    mean = (many.flux * scale + offset).mean(axis=0)
    original = bright.flux[0] * bright.continuum[0, 1] + bright.continuum[0, 0]
    np.testing.assert_allclose(mean, original, atol=0.02)
