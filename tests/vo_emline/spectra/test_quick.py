"""The quick reader gives what the thorough one gives, to the last bit, or the same reason."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.arrays import FloatArray
from vo_emline.simulate import write_lamost, write_ondrejov
from vo_emline.spectra import Spectrum, find_spectra, read, read_or_reject, read_part_or_reject
from vo_emline.spectra.quick import part as quick

BETWEEN = (6500.0, 6750.0)
ARRAYS = ("wavelength_vac", "flux", "ivar", "mask", "normalised_flux")
FACTS = (
    "identity",
    "coverage",
    "resolving_power",
    "medium",
    "normalised",
    "flux_unit",
    "layout",
    "file_size",
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One file each of the DR1, DR7 and DR10 layouts, and an Ondřejov one."""
    root = tmp_path_factory.mktemp("simulated")
    write_lamost(root / "lamost", n_stars=3, seed=5)
    write_ondrejov(root / "ondrejov", n_stars=1, seed=6)
    return find_spectra([root])


def in_part(spectrum: Spectrum, name: str) -> bytes:
    low, high = np.searchsorted(spectrum.wavelength_vac, BETWEEN)
    values: FloatArray | None = getattr(spectrum, name)
    return b"" if values is None else values[low:high].tobytes()


def assert_same(path: Path) -> Spectrum | None:
    """See that both readers agree about a file; give what the quick one read."""
    thorough, part = read_or_reject(path), read_part_or_reject(path, between=BETWEEN)
    if not isinstance(thorough, Spectrum):
        assert part == thorough
        return None
    assert isinstance(part, Spectrum)
    for name in FACTS:
        assert getattr(part, name) == getattr(thorough, name), (path, name)
    for name in ARRAYS:
        assert in_part(part, name) == in_part(thorough, name), (path, name)
    first, last = thorough.wavelength_vac[[0, -1]]
    assert part.wavelength_vac[0] <= max(BETWEEN[0], first)
    assert part.wavelength_vac[-1] >= min(BETWEEN[1], last)
    return part


def test_every_real_file_is_read_alike(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setattr(quick, "read", lambda path, medium: (left.append(Path(path).name), read(path))[1])
    files = find_spectra([shared_data / name for name in ("lamost", "ondrejov", "formats")])
    parts = [assert_same(path) for path in files]
    assert len(files) == 258
    assert sum(part is not None and part.whole is not None for part in parts) == 223
    # raw Ondřejov images, VOTables, text, and a LAMOST spectrum that is zero everywhere
    assert len(left) == 9
    assert [name for name in left if name.startswith("spec-")] == [
        "spec-58575-HD103621N361936B01_sp03-018.fits"
    ]


def test_the_layouts_that_come_by_the_million_need_no_astropy(
    simulated: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        quick, "read", lambda path, medium: pytest.fail(f"{path} was left to the thorough reader")
    )
    layouts = {
        part.layout for path in simulated if isinstance(part := assert_same_without_read(path), Spectrum)
    }
    assert layouts == {
        "lamost-image-continuum",
        "lamost-image-wavelength",
        "lamost-coadd-table",
        "fits-table",
    }


def assert_same_without_read(path: Path) -> Spectrum | None:
    part = quick.read_part(path, between=BETWEEN)
    thorough = read(path)
    assert all(in_part(part, name) == in_part(thorough, name) for name in ARRAYS)
    return part


def test_gzipped_and_plain_are_the_same(simulated: list[Path], tmp_path: Path) -> None:
    for path in simulated:
        content = path.read_bytes()
        twin = tmp_path / path.name.removesuffix(".gz")
        if path.suffix == ".gz":
            twin.write_bytes(gzip.decompress(content))
        else:
            twin = twin.with_name(twin.name + ".gz")
            twin.write_bytes(gzip.compress(content, 1))
        one, other = assert_same(path), assert_same(twin)
        assert one is not None
        assert other is not None
        assert one.flux.tobytes() == other.flux.tobytes()
        assert one.file_size != other.file_size


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.05, 0.11, 0.3, 0.6, 0.75, 0.79, 0.999])
def test_files_cut_short_are_refused_alike(simulated: list[Path], tmp_path: Path, fraction: float) -> None:
    for path in simulated:
        short = tmp_path / path.name
        content = path.read_bytes()
        short.write_bytes(content[: int(fraction * len(content))])
        assert_same(short)


def test_random_damage_is_met_alike(simulated: list[Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    read_all_the_same = 0
    for path in simulated:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        for trial in range(25):
            damaged = content.copy()
            # half of the damage to the header, where it does most
            where = rng.integers(0, 11_520 if trial % 2 else content.size, size=1 + trial % 4)
            damaged[where] = rng.integers(0, 256, size=where.size)
            target = tmp_path / path.name
            target.write_bytes(damaged.tobytes())
            read_all_the_same += assert_same(target) is not None
    assert read_all_the_same > 20


def edit(path: Path, target: Path, change: Callable[[fits.HDUList], None]) -> Path:
    with fits.open(path) as hdus:
        change(hdus)
        hdus.writeto(target, overwrite=True)
    return target


def image(simulated: list[Path], layout: str) -> Path:
    return next(path for path in simulated if read(path).layout == layout)


CHANGES: dict[str, Callable[[fits.HDUList], None]] = {
    "air": lambda hdus: hdus[0].header.set("VACUUM", False),
    "no dispersion": lambda hdus: [hdus[0].header.remove(key) for key in ("CRVAL1", "COEFF0")],
    "absurd dispersion": lambda hdus: hdus[0].header.set("CRVAL1", 4.79),
    "descending": lambda hdus: hdus[0].header.set("CD1_1", -1e-4),
    "all nan": lambda hdus: hdus[0].data[0].fill(np.nan),
    "zero": lambda hdus: hdus[0].data[0].fill(0),
    "constant": lambda hdus: hdus[0].data[0].fill(7),
    "constant at the line": lambda hdus: hdus[0].data[0, 2000:3000].fill(7),
    "nan at the line": lambda hdus: hdus[0].data[0, 2450:2460].fill(np.nan),
    "infinite": lambda hdus: hdus[0].data[0, 2450:2460].fill(np.inf),
    "bad ivar": lambda hdus: hdus[0].data[1, 2440:2460].fill(-1),
    "nan ivar": lambda hdus: hdus[0].data[1, 2440:2460].fill(np.nan),
    "flagged": lambda hdus: hdus[0].data[3, 2440:2460].fill(5),
    "all flagged": lambda hdus: hdus[0].data[3].fill(4),
    "wavelengths turn back": lambda hdus: hdus[0].data[2, 100:102].fill(9000),
    "rising third row": lambda hdus: (
        hdus[0].data[2].__setitem__(slice(None), np.arange(hdus[0].data.shape[1]))
    ),
    "doubled card": lambda hdus: hdus[0].header.append(("RA", 1.0), end=True),
    "odd text": lambda hdus: hdus[0].header.set("DESIG", "LAMOST it's odd / very"),
    "long text": lambda hdus: hdus[0].header.set("OBJNAME", "long " * 30),
    "scaled": lambda hdus: hdus[0].scale("int16", bzero=32768),
}


@pytest.mark.parametrize("layout", ["lamost-image-continuum", "lamost-image-wavelength"])
@pytest.mark.parametrize("change", CHANGES)
def test_odd_images_are_read_alike(simulated: list[Path], tmp_path: Path, layout: str, change: str) -> None:
    assert_same(edit(image(simulated, layout), tmp_path / "odd.fits", CHANGES[change]))


TABLE_CHANGES: dict[str, Callable[[fits.HDUList], None]] = {
    "blue only": lambda hdus: hdus[1].data["WAVELENGTH"].__isub__(4000),
    "turned back": lambda hdus: hdus[1].data["WAVELENGTH"][0, 50:52].fill(9000),
    "flagged": lambda hdus: hdus[1].data["ANDMASK"][0, 2440:2460].fill(64),
    "nan": lambda hdus: hdus[1].data["FLUX"][0, 2440:2460].fill(np.nan),
    "zero": lambda hdus: hdus[1].data["FLUX"].fill(0),
    "renamed": lambda hdus: hdus[1].columns.change_name("ANDMASK", "OTHER"),
    "lower case": lambda hdus: hdus[1].columns.change_name("FLUX", "flux"),
    "not a coadd": lambda hdus: setattr(hdus[1], "name", "SINGLE"),
    "scaled": lambda hdus: hdus[1].header.set("TSCAL1", 2.0),
}


@pytest.mark.parametrize("change", TABLE_CHANGES)
@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_odd_tables_are_read_alike(simulated: list[Path], tmp_path: Path, change: str) -> None:
    assert_same(edit(image(simulated, "lamost-coadd-table"), tmp_path / "odd.fits", TABLE_CHANGES[change]))


def test_two_gzip_members_and_what_follows(simulated: list[Path], tmp_path: Path) -> None:
    content = simulated[0].read_bytes()
    plain = gzip.decompress(content) if simulated[0].suffix == ".gz" else content
    path = tmp_path / "members.fits.gz"
    for whole in (
        gzip.compress(plain[:5000]) + gzip.compress(plain[5000:]),
        gzip.compress(plain) + b"rubbish",
        gzip.compress(plain)[:-8] + bytes(8),
        gzip.compress(plain)[:-4],
    ):
        path.write_bytes(whole)
        assert_same(path)


def test_what_is_no_spectrum_is_refused_alike(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"SIMPLE  =", b"\x1f\x8b", b"no spectrum", bytes(50_000))):
        path = tmp_path / f"{number}.fits"
        path.write_bytes(content)
        assert assert_same(path) is None
    assert assert_same(tmp_path / "absent.fits") is None
    assert assert_same(tmp_path) is None
