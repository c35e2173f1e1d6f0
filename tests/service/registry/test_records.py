"""The records: valid by the schemas of STILTS, true to the service, refused under a placeholder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from astropy import units as u
from astropy.constants import c, h
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from click.testing import CliRunner
from lxml import etree
from mocpy import MOC

from service.registry.records import NAMESPACES
from service.registry_command import registry
from service.urls import is_local
from vo_emline.errors import DataError, UserError

XSI_TYPE = f"{{{NAMESPACES['xsi']}}}type"
SCHEMAS = Path(__file__).with_name("schemas")


def write(release: Path, folder: Path, *more: str) -> None:
    given = ["--public-url", "https://example.org/emline/", "--contact", "vo@example.org", *more]
    CliRunner().invoke(registry, [str(release), "--output", str(folder), *given], catch_exceptions=False)


@pytest.fixture(scope="module")
def records(named_release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("records")
    write(named_release, folder)
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def service(records: dict[str, Path]) -> Any:
    return etree.parse(records["example.org_emline"]).getroot()


def test_what_is_no_release_says_what_to_do(tmp_path: Path, named_release: Path) -> None:
    (tmp_path / "empty.duckdb").touch()
    (tmp_path / "text.duckdb").write_text("no database\n")
    for name, said in {
        "none.duckdb": r"there is no release .*none.duckdb: `vo-emline publish SURVEY",
        "empty.duckdb": r"empty.duckdb is empty: .* `vo-emline publish SURVEY",
        "": r"there is no release .*release.duckdb: `vo-emline publish SURVEY",
    }.items():
        with pytest.raises(UserError, match=said):
            write(tmp_path / name, tmp_path / "records")
    with pytest.raises(DataError, match=r"no release of this program.*vo-emline publish"):
        write(tmp_path / "text.duckdb", tmp_path / "records")
    assert not (tmp_path / "records").exists()
    write(named_release.parent, tmp_path / "records")  # the directory of a run
    assert len(list((tmp_path / "records").iterdir())) == 4


def test_there_are_four_records(records: dict[str, Path]) -> None:
    assert sorted(records) == ["example.org", "example.org_emline", "example.org_org", "example.org_registry"]


@pytest.mark.stilts
@pytest.mark.skipif(shutil.which("stilts") is None, reason="the Debian package stilts is not installed")
@pytest.mark.parametrize(
    "name", ["example.org", "example.org_emline", "example.org_org", "example.org_registry"]
)
def test_every_record_is_valid(records: dict[str, Path], name: str) -> None:
    """By VOResource 1.1, VODataService 1.2 and TAPRegExt of STILTS, and the extensions beside this test."""
    extensions = {path.stem: path for path in SCHEMAS.glob("*.xsd")}
    located = [
        f"schemaloc={NAMESPACES[prefix]}={extensions[prefix]}" for prefix in ("ri", "vg", "ssap", "cs")
    ]
    command = ["stilts", "xsdvalidate", "uselocals=true", *located, f"doc={records[name]}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_record_says_what_the_service_can_do(service: Any) -> None:
    found = {
        (one.get("standardID"), one.get(XSI_TYPE), one.findtext("interface/accessURL"))
        for one in service.findall("capability")
    }
    base, std = "https://example.org/emline", "ivo://ivoa.net/std"
    assert found >= {
        (f"{std}/TAP", "tr:TableAccess", f"{base}/tap"),
        (f"{std}/SSA", "ssap:SimpleSpectralAccess", f"{base}/ssa"),
        (f"{std}/ConeSearch", "cs:ConeSearch", f"{base}/scs/objects"),
        (f"{std}/DataLink#links-1.1", None, f"{base}/datalink/links"),
        (f"{std}/VOSI#tables", None, f"{base}/tap/tables"),
        (None, None, f"{base}/"),
    }
    tables = [one.text for one in service.findall("tableset/schema/table/name")]
    assert {"emline.objects", "emline.known", "ivoa.obscore", "tap_schema.columns"} <= set(tables)


def test_the_record_says_who_and_under_which_licence(service: Any) -> None:
    assert service.findtext("altIdentifier") == "doi:10.5281/zenodo.1"
    assert [one.text for one in service.findall("curation/creator/name")] == [
        "Ada Lovelace",
        "Annie Jump Cannon",
    ]
    assert service.findtext("curation/version") == "DR2 <&>"
    assert service.findtext("rights") == "CC-BY-4.0"
    assert service.find("rights").get("rightsURI").startswith("https://")
    assert service.get("created") == "2026-11-30T12:00:00Z"


def test_the_coverage_is_that_of_the_spectra(service: Any, named_release: Path) -> None:
    with duckdb.connect(str(named_release), read_only=True) as database:
        places = database.sql("SELECT ra, dec FROM internal.spectra WHERE ra IS NOT NULL").fetchall()
        shortest, longest = database.sql(
            "SELECT min(wave_min), max(wave_max) FROM internal.spectra"
        ).fetchall()[0]
    moc = MOC.from_string(service.findtext("coverage/spatial"))
    assert moc.contains_lonlat(*(column * u.deg for column in zip(*places, strict=True))).all()
    assert moc.sky_fraction < 0.01
    low, high = map(float, service.findtext("coverage/spectral").split())
    assert low == pytest.approx((h * c / (longest * u.m)).to_value(u.J), rel=1e-5)
    assert high == pytest.approx((h * c / (shortest * u.m)).to_value(u.J), rel=1e-5)
    assert "Optical" in [one.text for one in service.findall("coverage/waveband")]


def test_the_times_are_those_at_the_barycentre(service: Any, named_release: Path) -> None:
    """MJD in TDB (VODataService 1.2, section 3.2): every exposure lies inside, not much else."""
    with duckdb.connect(str(named_release), read_only=True) as database:
        rows = database.sql(
            "SELECT ra, dec, start_mjd, coalesce(exposure_s, 0) / 86400 FROM internal.spectra "
            "WHERE start_mjd IS NOT NULL AND ra IS NOT NULL"
        ).fetchall()
    ra, dec, start, length = np.array(rows, dtype=float).T
    centre = EarthLocation.from_geocentric(0, 0, 0, unit="m")
    low, high = map(float, service.findtext("coverage/temporal").split())
    arrivals = []
    for utc in (start, start + length):
        times = Time(utc, format="mjd", scale="utc", location=centre)
        with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "warn"):
            light = times.light_travel_time(SkyCoord(ra, dec, unit="deg"), ephemeris="builtin")
        arrivals.append((times.tdb + light).mjd)
    assert low <= arrivals[0].min()
    assert arrivals[1].max() <= high
    assert high - low <= arrivals[1].max() - arrivals[0].min() + 4 * 8.6 / 1440


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--authority", "x-mine.local"), "placeholder"),
        (("--authority", "a b"), "is no authority"),
        (("--contact", "nobody"), "mail address"),
        (("--public-url", "http://localhost:8000"), "cannot be reached"),
    ],
)
def test_what_cannot_be_registered_is_refused(
    named_release: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        write(named_release, tmp_path / "records", *more)
    assert not (tmp_path / "records").exists()


def test_a_release_without_an_authority_is_refused(release_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="placeholder"):
        write(release_file, tmp_path)


def test_which_addresses_are_of_this_machine() -> None:
    urls = ("http://localhost:8000", "http://127.0.0.1/x", "http://[::1]:80", "", "https://example.org")
    assert [is_local(url) for url in urls] == [True, True, True, True, False]
