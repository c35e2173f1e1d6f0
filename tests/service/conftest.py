"""A small release, and services over real HTTP on loopback."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import uvicorn
from astropy.io import fits

from service.config import Settings
from vo_emline.candidates import build_release, candidate_ids, index_spectra
from vo_emline.candidates.columns import REJECTS, SCORES, SPECTRA
from vo_emline.candidates.known import MATCH_SCHEMA, Answers
from vo_emline.candidates.release import arrow_schema
from vo_emline.candidates.said import LABELS_SCHEMA
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.simulate.files import LamostRecord, OndrejovRecord, lamost_bytes, ondrejov_bytes
from vo_emline.simulate.instruments import Release
from vo_emline.spectra import HALPHA_VAC

if TYPE_CHECKING:
    from service.tap.context import TapServices

ROWS = 200
REAL_FOLDERS = ("ondrejov", "lamost/dr1", "lamost/mrs")
REJECT_MESSAGES = (
    "kürzer als der Kopf verspricht – 2 < 3 & Schluß",
    "keine Wellenlängen: λ > 9000 Å",
    "plain",
)


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: str
    services: TapServices

    @property
    def tap(self) -> str:
        """Base of the TAP service."""
        return f"{self.url}/tap"

    def sync(self, query: str, **parameters: Any) -> httpx.Response:
        """Ask a query by GET."""
        values = {"LANG": "ADQL", "QUERY": query} | parameters
        return httpx.get(f"{self.tap}/sync", params=values, timeout=60)

    def rows(self, query: str, **parameters: Any) -> list[list[Any]]:
        """Give the rows of a query's JSON answer."""
        answer = self.sync(query, RESPONSEFORMAT="json", **parameters)
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["data"]
        return rows


StartService = Callable[..., Served]


@pytest.fixture(scope="session")
def shared_folder() -> Path | None:
    """Folder of real files, None where it is absent (the release is then synthetic throughout)."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def spectra_table(shared_folder: Path | None) -> pa.Table:
    """Index rows: real files first, where there are any, synthetic ones up to 200."""
    real = _real_spectra(shared_folder) if shared_folder else []
    synthetic = [_synthetic_spectrum(number) for number in range(ROWS - len(real))]
    schema = arrow_schema(SPECTRA)
    return pa.Table.from_pylist([*real, *synthetic], schema=schema.remove(schema.get_field_index("hpx10")))


@pytest.fixture(scope="session")
def release_file(tmp_path_factory: pytest.TempPathFactory, spectra_table: pa.Table) -> Path:
    """A release of 200 spectra, all classified, with NULLs and texts that are not ASCII."""
    path = tmp_path_factory.mktemp("release") / "release.duckdb"
    write_release(path, spectra_table)
    return path


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartService]:
    """Start services that run until the session ends: ``start_service(release, **settings)``."""
    with ExitStack() as stack:

        def start(release: Path | str, **overrides: Any) -> Served:
            overrides.setdefault("state_directory", tmp_path_factory.mktemp("state"))
            return stack.enter_context(running_service(release, **overrides))

        yield start


@pytest.fixture(scope="session")
def served(start_service: StartService, release_file: Path) -> Served:
    """The small release, served with default limits."""
    return start_service(release_file)


@contextmanager
def running_service(release: Path | str, **overrides: Any) -> Iterator[Served]:
    """Run a service on a free port for the length of a ``with`` block."""
    from service.app import create_app  # tests of single packages do without the whole service

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://localhost:{listener.getsockname()[1]}"
        app = create_app(release, Settings(**{"public_url": url, "threads": 2} | overrides))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Served(url, app.state.services)
        finally:
            server.should_exit = True
            thread.join()


def write_release(path: Path, spectra: pa.Table, *, run_id: str = "run-1") -> None:
    """Build a release of `spectra`, each classified by a fixed lottery."""
    rejects = pa.Table.from_pylist(
        [
            {"source": f"bad-{number}.fits", "code": "truncated", "message": text, "run_id": run_id}
            for number, text in enumerate(REJECT_MESSAGES)
        ],
        schema=arrow_schema(REJECTS),
    )
    scores = _scores(spectra, run_id)
    build_release(
        path, spectra=spectra, scores=scores, rejects=rejects, known=_known(scores),
        labels=_labels(scores), metadata={"run_id": run_id},
    )  # fmt: skip


def _labels(scores: pa.Table) -> pa.Table:
    """Let people have labelled every tenth spectrum, of which the last part of the identifier is left."""
    rows = [
        {"publisher_did": "", "id": did.rpartition("/")[2], "label": "emission", "profile": "p-cygni",
         "is_emission": 1, "quality": 3, "n_labellers": 2, "agreement": 0.5, "decided_by": "majority",
         "labelled_at": "2026-12-01T03:00:00.000Z"}
        for did in scores["obs_publisher_did"].to_pylist()[::10]
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, LABELS_SCHEMA)


def _known(scores: pa.Table) -> Answers:
    """Let a catalogue know every third spectrum, and another nothing."""
    matches = [
        {
            "row": row, "catalogue": "Gaia DR3", "identifier": f"Gaia DR3 {10**18 + row}",
            "object_type": "beStar",
            "match_kind": "position", "ra": place[0], "dec": place[1], "catalogue_epoch": 2016.0,
            "asked_on": "2026-12-01", "gaia_source_id": 10**18 + row, "phot_g_mean_mag": 8.0 + row / 20,
            "bp_rp": -0.2 + row / 100, "parallax": 0.3 + row / 50,
        }
        for row, place in enumerate(zip(scores["ra"].to_pylist(), scores["dec"].to_pylist(), strict=True))
        if not row % 3 and place[0] is not None
    ]  # fmt: skip
    return Answers(
        said=scores["known_as"].combine_chunks(),
        matches=pa.Table.from_pylist(matches, MATCH_SCHEMA),
        asked=("Gaia DR3", "SIMBAD"),
        asked_on="2026-12-01",
    )


def _scores(spectra: pa.Table, run_id: str) -> pa.Table:
    rows = spectra.num_rows
    probabilities = np.random.default_rng(7).dirichlet([3, 1.5, 1], rows).astype(np.float32)
    shared = [name for name in SCORES_FROM_INDEX if name in spectra.column_names]
    table = spectra.select(shared)
    labels = [LABELS[place] for place in probabilities.argmax(axis=1)]
    line = {"ew": -4.1317, "ew_error": 0.4487, "fwhm": 476.69, "fwhm_error": 21.5, "line_method": "classical"}
    made: dict[str, Any] = {
        "candidate_id": candidate_ids(spectra["obs_publisher_did"].to_pylist()),
        "designation": spectra["target_name"],
        "epoch_mjd": spectra["start_mjd"],
        "epoch_kind": ["start"] * rows,
        "label": labels,
        "score": probabilities[:, 1] + probabilities[:, 2],
        "flags": ["" if place % 5 else "low_snr" for place in range(rows)],
        "known_as": ["not in SIMBAD" if place % 3 else None for place in range(rows)],
        "run_id": [run_id] * rows,
        "model_version": ["1"] * rows,
        **{name: [None if label == LABELS[0] else value for label in labels] for name, value in line.items()},
    } | dict(zip(PROBABILITY_COLUMNS, probabilities.T, strict=True))
    for name, values in made.items():
        table = table.append_column(
            name, [values.combine_chunks() if hasattr(values, "combine_chunks") else pa.array(values)]
        )
    return with_nulls(table)


def with_nulls(scores: pa.Table) -> pa.Table:
    """Give scores with the columns they lack, NULL throughout."""
    for column in arrow_schema(SCORES):
        if column.name not in (*scores.column_names, "hpx10"):
            scores = scores.append_column(column, pa.nulls(len(scores), column.type))
    return scores


SCORES_FROM_INDEX = tuple(
    column.name
    for column in SCORES.stored
    if column.name in {item.name for item in SPECTRA.stored} - {"hpx10"}
)


def _real_spectra(folder: Path) -> list[dict[str, Any]]:
    paths = [path for name in REAL_FOLDERS for path in sorted((folder / name).rglob("*.fits*"))]
    table, _ = index_spectra(paths)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _synthetic_spectrum(number: int) -> dict[str, Any]:
    ra, dec = (84.0 + number * 0.37) % 360, -10.0 + (number * 7.3) % 90
    odd = number % 2
    return {
        "obs_publisher_did": f"ivo://x-vo-emline.local/~?synthetic/spec-{number:04d}",
        "obsid": 1_000_000 + number if odd else None,
        "collection": "LAMOST LRS" if odd else "Ondrejov CCD700",
        "release": "DR5",
        "target_name": f"J{number:06d}",
        "ra": None if number == 13 else ra,
        "dec": None if number == 13 else dec,
        "start_mjd": 56000.0 + number if number % 7 else None,
        "exposure_s": 1800.0 if number % 11 else None,
        "wave_min": 3.7e-7 if odd else 6.25e-7,
        "wave_max": 9.1e-7 if odd else 6.75e-7,
        "n_pixels": 3900 if odd else 1997,
        "resolving_power": 1800.0 if odd else 13000.0,
        "snr_r": 20.0 + number if number % 3 else None,
        "spectral_class": "STAR",
        "spectral_subclass": "B2e" if odd else None,
        "normalised": not odd,
        "layout": "synthetic",
        "path": f"/nonexistent/spec-{number:04d}.fits",
        "file_size": 100_000,
    }


@dataclass(frozen=True)
class Archive:
    """A service over a handful of generated spectra, one of each layout, and their facts."""

    url: str
    services: TapServices
    folder: Path
    dids: dict[str, str]
    """Publisher DID by short name: ``ondrejov``, ``raw``, ``dr1``, ``dr7``, ``dr10``, and ``vanished``."""

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Ask for `path` with `parameters`."""
        return httpx.get(f"{self.url}/{path}", params=parameters or None, timeout=60)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, start_service: StartService) -> Archive:
    """Spectra of every layout, generated, classified and served; the file of one has vanished."""
    folder = tmp_path_factory.mktemp("archive")
    paths = {name: _write(folder / file, content) for name, (file, content) in _archive_files().items()}
    table, rejects = index_spectra(paths.values())
    assert not rejects
    by_path = dict(zip(table["path"].to_pylist(), table["obs_publisher_did"].to_pylist(), strict=True))
    dids = {name: by_path[str(path)] for name, path in paths.items()}
    write_release(folder / "release.duckdb", table)
    paths["vanished"].unlink()
    served = start_service(folder / "release.duckdb")
    return Archive(served.url, served.services, folder, dids)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _archive_files() -> dict[str, tuple[str, bytes]]:
    emission = _ondrejov("ua010001", "phi Per", ra=25.9151, dec=50.6887)
    lamost = {release: _lamost(number, release) for number, release in enumerate(("dr1", "dr7", "dr10"))}
    return {
        "ondrejov": (emission.file_name, ondrejov_bytes(emission)),
        "vanished": (
            "ua010002.fits",
            ondrejov_bytes(_ondrejov("ua010002", "28 Tau", ra=57.2967, dec=24.1367)),
        ),
        "raw": ("oe270005.fits", _raw_image()),
        **{name: (record.file_name, lamost_bytes(record)) for name, record in lamost.items()},
    }


def _ondrejov(name: str, target: str, *, ra: float, dec: float) -> OndrejovRecord:
    wavelength = np.linspace(6284.0, 6734.0, 1757)
    flux = 1 + 2 * np.exp(-0.5 * ((wavelength - HALPHA_VAC) / 3) ** 2)
    return OndrejovRecord(
        name=name, wavelength_vac=wavelength, flux=flux, epoch_mjd=55887.5, exposure_s=600.0, ra=ra, dec=dec,
        object_name=target,
    )  # fmt: skip


def _lamost(number: int, release: Release) -> LamostRecord:
    wavelength = 10 ** (3.5682 + 1e-4 * np.arange(3909))
    normalised = 1 - 0.5 * np.exp(-0.5 * ((wavelength - HALPHA_VAC) / 8) ** 2)
    return LamostRecord(
        number=number, plan="TEST", release=release, wavelength_vac=wavelength,
        flux=normalised * 1e6 / wavelength, ivar=np.full(wavelength.size, 0.25),
        normalised_flux=normalised, epoch_mjd=56283.75 + number, ra=120.18 + number, dec=-2.88,
        designation="J080043.30-025243.9", object_name="HR 3135", spectral_class="STAR",
        spectral_subclass="A2V", velocity_kms=0.0, helio_kms=0.0,
    )  # fmt: skip


def _raw_image() -> bytes:
    """Give a raw one-dimensional image of the Ondřejov camera: counts, air wavelengths by cards."""
    pixels = np.arange(1997)
    counts = 1e5 + 20 * pixels - 4e4 * np.exp(-0.5 * ((pixels - 1160) / 10) ** 2)
    hdu = fits.PrimaryHDU(counts.astype(np.float32))
    hdu.header.update(
        {
            "OBJECT": "HD 208905", "INSTRUME": "COUDE700", "OBSERVAT": "ONDREJOV", "BUNIT": "ADU",
            "DATE-OBS": "2005-05-27", "TM_START": 79202, "EXPTIME": 3600.0, "RA": "21:57:18.2",
            "DEC": "61:17:39.7", "FILENAME": "oe270005.fit", "CTYPE1": "LINEAR", "CRPIX1": 1.0,
            "CRVAL1": 6265.017, "CDELT1": 0.2567, "CD1_1": 0.2567, "DC-FLAG": 0,
        }
    )  # fmt: skip
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()
