"""A small release of generated spectra, served for real over HTTP on a port of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from vo_emline.candidates import SCORES, arrow_schema, build_release, candidate_ids, index_spectra
from vo_emline.client import Client, connect
from vo_emline.labels import PROBABILITY_COLUMNS

HALPHA_VAC = 6564.614
LOG = "service.log"


@dataclass(frozen=True)
class Star:
    """One generated star: where it is, and what its Hα looks like."""

    obsid: int
    designation: str
    ra: float
    dec: float
    label: str
    score: float
    snr: float


STARS = (
    Star(101, "J063416.35+023030.2", 98.568125, 2.508389, "double-peak", 0.99, 120.0),
    Star(102, "J063420.00+023100.0", 98.583333, 2.516667, "emission", 0.95, 80.0),
    Star(103, "J052000.00-052328.0", 80.0, -5.391111, "double-peak", 0.80, 20.0),
    Star(104, "J004244.00+411609.0", 10.683333, 41.269167, "emission", 0.60, 9.0),
    Star(105, "J235959.00-005959.9", 359.995833, -0.999972, "absorption", 0.05, 55.0),
    Star(106, "J120000.00+600000.0", 180.0, 60.0, "absorption", 0.01, 33.0),
)


def flux_of(star: Star, wavelength: np.ndarray) -> np.ndarray:
    """Give a continuum with the star's line at Hα."""

    def line(centre: float, width: float, height: float) -> np.ndarray:
        return height * np.exp(-0.5 * ((wavelength - HALPHA_VAC - centre) / width) ** 2)

    shapes = {
        "absorption": line(0, 8, -0.5),
        "emission": line(0, 4, 1.5),
        "double-peak": line(-5, 3, 1.2) + line(5, 3, 1.0),
    }
    noise = np.random.default_rng(star.obsid).normal(0, 1 / star.snr, wavelength.size)
    return 1000.0 * (1 + shapes[star.label] + noise)


def write_lamost(star: Star, folder: Path) -> Path:
    """Write the star as LAMOST DR2 and later do: an image of five rows, wavelengths in the third."""
    wavelength = 10 ** np.arange(np.log10(3700), np.log10(9000), 1e-4)
    flux = flux_of(star, wavelength)
    rows = np.array([flux, np.full_like(flux, (star.snr / 1000) ** 2), wavelength, 0 * flux, 0 * flux])
    image = fits.PrimaryHDU(rows.astype(np.float32))
    cards = {
        "TELESCOP": "LAMOST", "OBSID": star.obsid, "DESIG": f"LAMOST {star.designation}", "RA": star.ra,
        "DEC": star.dec, "DATE-OBS": "2013-01-24T13:05:00", "SNRR": star.snr, "CLASS": "STAR",
        "SUBCLASS": "B6", "DATA_V": "LAMOST DR7", "VACUUM": True, "LMJD": 56316, "PLANID": "TEST",
        "SPID": 1, "FIBERID": star.obsid, "OBJTYPE": "Star", "FIBERTYP": "Obj",
    }  # fmt: skip
    for name, value in cards.items():
        image.header[name] = value
    path = folder / f"spec-56316-TEST_sp01-{star.obsid}.fits"
    image.writeto(path)
    return path


def scores_of(spectra: pa.Table) -> pa.Table:
    """Give what a survey run would say of the stars, in the order of the index."""
    dids = spectra["obs_publisher_did"].to_pylist()
    schema = arrow_schema(SCORES)  # what is not said here is NULL
    return pa.Table.from_pylist(
        [
            {
                "candidate_id": candidate_id,
                "obs_publisher_did": did,
                "obsid": star.obsid,
                "designation": star.designation,
                "ra": star.ra,
                "dec": star.dec,
                "label": star.label,
                **dict(zip(PROBABILITY_COLUMNS, probabilities(star), strict=True)),
                "score": star.score,
                "snr_r": star.snr,
                "epoch_mjd": 56316.545,
                "spectral_class": "STAR",
                "spectral_subclass": "B6",
                "flags": "",
                "known_as": "not in SIMBAD",
                "run_id": "test",
                "model_version": "1",
            }
            for star, did, candidate_id in zip(STARS, dids, candidate_ids(dids), strict=True)
        ],
        schema.remove(schema.get_field_index("hpx10")),
    )


def probabilities(star: Star) -> tuple[float, float, float]:
    """Give probabilities that fit label and score, in the order of the labels."""
    double = star.score * (0.9 if star.label == "double-peak" else 0.1)
    return 1 - star.score, star.score - double, double


@pytest.fixture(scope="session")
def stars(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of the generated stars."""
    folder = tmp_path_factory.mktemp("stars")
    return [write_lamost(star, folder) for star in STARS]


@pytest.fixture(scope="session")
def release(stars: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release file of the generated stars."""
    spectra, rejects = index_spectra(stars)
    assert not rejects
    path = tmp_path_factory.mktemp("release") / "release.duckdb"
    build_release(path, spectra=spectra, scores=scores_of(spectra))
    return path


@pytest.fixture(scope="session")
def service_url(release: Path) -> Iterator[str]:
    """The address of a running service: a process of its own (see serve.py)."""
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), str(release)]
    with (release.parent / LOG).open("wb") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("http"), (release.parent / LOG).read_text()
        wait_for(url)
        yield url
        server.terminate()
        server.wait(20)
        server.stdout.close()


def wait_for(url: str) -> None:
    """Wait until a service answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{url}/tap/capabilities").raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def requests(service_url: str, release: Path) -> Callable[[str], int]:
    """Give a function that counts the requests for a path since the test began, by the service's own log."""
    log = release.parent / LOG
    before = log.stat().st_size

    def count(path: str) -> int:
        return len(re.findall(rf"path={re.escape(path)}\b", log.read_bytes()[before:].decode()))

    return count


@pytest.fixture
def client(service_url: str) -> Iterator[Client]:
    """A client of the running service."""
    connected = connect(service_url)
    yield connected
    connected.close()
