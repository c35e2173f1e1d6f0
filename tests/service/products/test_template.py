"""What absorption the star would have: the template of its spectral type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from service.config import Settings
from service.products.entries import Entry, find_entries
from service.products.template import GRID, MIN_MEMBERS, Template, find_template, type_number
from service.store import Release, open_store
from service.urls import Urls
from vo_emline.candidates import SCORES, arrow_schema, build_release, candidate_ids, index_spectra
from vo_emline.labels import PROBABILITY_COLUMNS
from vo_emline.simulate.files import LamostRecord, lamost_bytes
from vo_emline.spectra import HALPHA_VAC, read

WAVELENGTH = 10 ** (3.5682 + 1e-4 * np.arange(3909))


@dataclass(frozen=True)
class Star:
    subclass: str
    depth: float
    emission: float = 0.0


STARS = (
    Star("A2V", 0.4, emission=1.5),
    *(Star(f"A{number % 5}V", 0.4) for number in range(9)),
    *(Star("K5", 0.2) for _ in range(6)),
    Star("M1", 0.1, emission=0.5),
)


def line(height: float, width: float, wavelength: np.ndarray = WAVELENGTH) -> np.ndarray:
    return height * np.exp(-0.5 * ((wavelength - HALPHA_VAC) / width) ** 2)


def record(number: int, star: Star) -> LamostRecord:
    noise = np.random.default_rng(number).normal(0, 0.005, WAVELENGTH.size)
    normalised = 1 - line(star.depth, 7) + line(star.emission, 3) + noise
    return LamostRecord(
        number=number, plan="TEST", release="dr7", wavelength_vac=WAVELENGTH,
        flux=normalised * 1e6 / WAVELENGTH, ivar=np.full(WAVELENGTH.size, 0.25), normalised_flux=normalised,
        epoch_mjd=56283.75, ra=120.18 + number, dec=-2.88, designation=f"J{number}", object_name=f"S{number}",
        spectral_class="STAR", spectral_subclass=star.subclass, velocity_kms=0.0, helio_kms=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """Stars with and without emission, the file of one of them damaged."""
    folder = tmp_path_factory.mktemp("stars")
    paths = [folder / record(number, star).file_name for number, star in enumerate(STARS)]
    for path, (number, star) in zip(paths, enumerate(STARS), strict=True):
        path.write_bytes(lamost_bytes(record(number, star)))
    spectra, rejects = index_spectra(paths)
    assert not rejects
    build_release(
        folder / "release.duckdb",
        spectra=spectra,
        scores=scores(spectra, [float(star.emission > 0) for star in STARS]),
    )
    paths[-2].write_bytes(b"SIMPLE  =                    T")
    with opened(folder) as release:
        yield release


@contextmanager
def opened(folder: Path) -> Iterator[Release]:
    place = str(folder / "release.duckdb")
    store = open_store(place, settings=Settings(threads=1), urls=Urls("http://localhost"))
    try:
        with store.lease() as release:
            yield release
    finally:
        store.close()


def scores(spectra: pa.Table, found: list[float]) -> pa.Table:
    """Give the scores of spectra whose probability of emission is known."""
    ids = candidate_ids(spectra["obs_publisher_did"].to_pylist())
    empty = pa.nulls(len(found), pa.string())
    made = {
        "candidate_id": pa.array(ids), "epoch_mjd": spectra["start_mjd"],
        "designation": spectra["target_name"], "score": pa.array(found),
        "label": pa.array(["emission" if score else "absorption" for score in found]),
        "known_as": empty, "flags": empty, "run_id": empty, "model_version": empty,
        **dict(zip(PROBABILITY_COLUMNS, (pa.array([1 - score for score in found]), pa.array(found),
                                         pa.array([0.0] * len(found))), strict=True)),
    }  # fmt: skip
    names = ("obs_publisher_did", "obsid", "ra", "dec", "snr_r")
    columns = {name: spectra[name] for name in (*names, "spectral_class", "spectral_subclass")}
    absent = [item for item in arrow_schema(SCORES) if item.name not in {*columns, *made, "hpx10"}]
    return pa.table(columns | made | {item.name: pa.nulls(len(found), item.type) for item in absent})


def entry_of(release: Release, subclass: str, *, label: str = "emission") -> Entry:
    sql = "SELECT obs_publisher_did FROM emline.scores WHERE spectral_subclass = ? AND label = ?"
    did = release.rows(sql, [subclass, label])[0]["obs_publisher_did"]
    return find_entries(release, [did])[did]


def test_what_is_left_is_the_emission(release: Release) -> None:
    entry = entry_of(release, "A2V")
    template = find_template(release, entry)
    assert template is not None
    assert (template.members, template.kind) == (9, "A0V to A4V")
    spectrum = read(entry.path)
    continuum = 1e6 / spectrum.wavelength_vac
    residual = (spectrum.flux - template.under(spectrum.wavelength_vac, spectrum.flux)) / continuum
    inside = np.isfinite(residual)
    assert spectrum.wavelength_vac[inside][0] >= GRID[0]
    assert spectrum.wavelength_vac[inside][-1] <= GRID[-1]
    expected = line(1.5, 3, spectrum.wavelength_vac)
    np.testing.assert_allclose(residual[inside], expected[inside], atol=0.03)


def test_a_damaged_file_is_left_out(release: Release) -> None:
    template = find_template(release, entry_of(release, "K5", label="absorption"))
    assert template is not None
    assert (template.members, template.kind) == (MIN_MEMBERS, "K5")
    assert template.profile.min() == pytest.approx(0.8, abs=0.02)


def test_stars_of_other_types_make_no_template(release: Release) -> None:
    """M1 is six tenths from K5: near enough; O5 is near to none."""
    near = find_template(release, entry_of(release, "M1"))
    assert near is not None
    assert near.kind == "K5"
    far = entry_of(release, "M1")
    changed = {name: getattr(far, name) for name in Entry.__slots__} | {"spectral_subclass": "O5"}
    assert find_template(release, Entry(**changed)) is None


def test_it_is_made_once(release: Release) -> None:
    entry = entry_of(release, "A2V")
    assert find_template(release, entry) is find_template(release, entry)


@pytest.mark.parametrize(
    ("subclass", "number"),
    [("O9.5V", 9.5), ("B0", 10), ("A2V", 22), ("G", 45), ("dM3", 63), ("gM1", 61), ("Non", None), ("", None)],
)
def test_types_in_their_order(subclass: str, number: float | None) -> None:
    assert type_number(subclass) == number


def test_the_level_follows_the_spectrum() -> None:
    template = Template(profile=np.ones(GRID.size), members=5, kind="A0")
    slope = 3.0 + 0.01 * (GRID - GRID[0])
    np.testing.assert_allclose(template.under(GRID, slope), slope, rtol=1e-6)
    assert np.isnan(template.under(GRID, np.where(GRID < 6540, np.nan, slope))).all()
    assert np.isnan(template.under(GRID, -slope)).all()


def test_a_real_be_star_stands_out_of_real_a_stars(shared_data: Path, tmp_path: Path) -> None:
    """HR 3135 at the resolution of LAMOST, against absorption stars of the same release."""
    paths = sorted((shared_data / "lamost" / "dr1").glob("*.fits"))
    paths += sorted((shared_data / "lamost" / "dr1-plate").glob("*.fits"))
    spectra, _ = index_spectra(paths)
    emission = {"J080043.30-025243.9", "J043836.09+081041.8", "J061622.73+285115.9"}
    found = [float(name in emission) for name in spectra["target_name"].to_pylist()]
    build_release(tmp_path / "release.duckdb", spectra=spectra, scores=scores(spectra, found))
    with opened(tmp_path) as release:
        entry = entry_of(release, "A2V")
        template = find_template(release, entry)
    assert template is not None
    assert template.members > 10
    star = read(entry.path)
    residual = star.flux / template.under(star.wavelength_vac, star.flux) - 1
    peak = star.wavelength_vac[np.nanargmax(residual)]
    assert peak == pytest.approx(HALPHA_VAC, abs=2)
    assert (
        np.nanmax(residual) > 5
    )  # more than the line has above the continuum: the absorption is filled first
    assert np.nanmedian(np.abs(residual)) < 0.05
