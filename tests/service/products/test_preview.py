from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from service.products.entries import Entry, Verdict, find_verdict
from service.products.preview import _title, deliver_preview, draw_preview
from vo_emline.spectra import Identity, Spectrum

WAVELENGTH = np.arange(6284.0, 6734.0, 0.25)


def spectrum(flux: np.ndarray, wavelength: np.ndarray = WAVELENGTH) -> Spectrum:
    return Spectrum(
        wavelength_vac=wavelength, flux=flux, mask=~np.isfinite(flux), resolving_power=13000,
        identity=Identity(source="x"), normalised=True,
    )  # fmt: skip


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(image.imread(io.BytesIO(content)))


@pytest.mark.parametrize("name", ["ondrejov", "raw", "dr1", "dr7", "dr10"])
def test_every_layout_has_a_small_picture(archive: Any, name: str) -> None:
    answer = archive.get("preview.png", ID=archive.dids[name])
    assert answer.headers["content-type"] == "image/png"
    assert pixels(answer.content).shape[:2] == (360, 800)
    assert len(answer.content) < 80_000


def test_the_second_time_it_comes_from_memory(archive: Any) -> None:
    store, did = archive.services.store, archive.dids["dr7"]
    first = deliver_preview(store, did)
    assert deliver_preview(store, did).content is first.content


def test_many_at_once_are_each_their_own(archive: Any) -> None:
    names = ["ondrejov", "raw", "dr1", "dr7", "dr10"] * 4
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda name: archive.get("preview.png", ID=archive.dids[name]).content, names))
    assert len(set(seen)) == 5
    assert seen[:5] == seen[5:10] == seen[15:]


def test_the_title_says_who_it_is_and_what_the_network_thinks(archive: Any) -> None:
    with archive.services.store.lease() as release:
        verdict = find_verdict(release, archive.dids["dr7"])
        assert find_verdict(release, "ivo://nobody/nothing") is None
    assert verdict is not None
    assert sum(verdict.probabilities) == pytest.approx(1, abs=1e-6)
    entry = Entry(
        obs_publisher_did="ivo://a/b", collection="LAMOST LRS", release="", target_name="HR 3135", ra=None,
        dec=None, start_mjd=None, exposure_s=None, wave_min=0, wave_max=1, snr_r=94.4, spectral_class="STAR",
        spectral_subclass="A2V", layout="", path=archive.folder, file_size=None,
    )  # fmt: skip
    assert _title(entry, None) == "HR 3135   LAMOST LRS   A2V   S/N 94"
    assert _title(entry, Verdict(label="emission", probabilities=(0.1, 0.7, 0.2))).splitlines()[1] == (
        "emission  (absorption 0.10, emission 0.70, double-peak 0.20)"
    )


@pytest.mark.parametrize(
    "odd",
    [
        spectrum(np.full(WAVELENGTH.size, 1.0)),
        spectrum(np.full(WAVELENGTH.size, np.nan)),
        spectrum(np.ones(500), np.linspace(4000, 5000, 500)),  # Hα is not covered
        spectrum(np.where(np.arange(WAVELENGTH.size) == 900, 1e9, 1.0)),
    ],
    ids=["flat", "dead", "blue", "cosmic"],
)
def test_odd_spectra_are_drawn_too(odd: Spectrum) -> None:
    drawn = pixels(draw_preview(odd, title="μ Cep → odd"))
    assert drawn.shape[:2] == (360, 800)
    assert drawn[..., :3].min() < 0.5
