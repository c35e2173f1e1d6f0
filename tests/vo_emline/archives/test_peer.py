"""Discovery, DataLink, TAP and download against DaCHS, the software of the real archives."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits

from vo_emline.archives import (
    FetchOptions,
    SpectrumRequest,
    SsaArchive,
    SsaQuery,
    TapQuery,
    discover,
    fetch_spectra,
    find_spectrum_tables,
    search_ssa,
)
from vo_emline.archives.datalink import find_descriptor
from vo_emline.archives.search import TolerantDatalinkQuery, run_query
from vo_emline.errors import ArchiveError
from vo_emline.net.session import Session

PEER = os.environ.get("VO_EMLINE_PEER", "http://localhost:8080")
NORMALIZED = FetchOptions(request=SpectrumRequest(calibration="normalized"))

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module", autouse=True)
def _running() -> None:
    try:
        httpx.get(f"{PEER}/tap/availability", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"no DaCHS peer at {PEER}: {error}")


@pytest.fixture
def ondrejov() -> SsaArchive:
    return SsaArchive(
        url=f"{PEER}/ccd700/q/ssa/ssap.xml",
        tap=f"{PEER}/tap",
        table="ccd700.data",
        where="mime = 'image/fits'",
    )


@pytest.fixture
def lamost() -> SsaArchive:
    return SsaArchive(url=f"{PEER}/lamost/q/ssa/ssap.xml", tap=f"{PEER}/tap", table="lamost.data")


def test_ssa_by_position_band_and_name(ondrejov: SsaArchive) -> None:
    gam_cas = SkyCoord(14.177, 60.717, unit="deg")
    for query in (
        SsaQuery(position=gam_cas, size=0.1 * u.deg, band=[6500, 6600] * u.AA),
        SsaQuery(target="gamma Cas"),
        SsaQuery(publisher_did="ivo://x-local.test/stel/ccd700/uk220017"),
    ):
        (record,) = search_ssa(ondrejov.url, query).records  # its image and its VOTable are one spectrum
        assert record.publisher_did.endswith("/uk220017")
        assert (record.ra, record.dec) == pytest.approx((14.17720, 60.71672), abs=1e-5)
        assert record.epoch_mjd == pytest.approx(55887.7913, abs=1e-4)
        assert record.access_format == "image/fits"
    assert search_ssa(ondrejov.url, SsaQuery(position=gam_cas, band=[4000, 5000] * u.AA)).records == []


def test_a_cut_answer_is_told(ondrejov: SsaArchive) -> None:
    assert search_ssa(ondrejov.url, SsaQuery(maxrec=4)).truncated
    assert not search_ssa(ondrejov.url, SsaQuery(maxrec=100)).truncated


def test_a_refusal_says_why(ondrejov: SsaArchive) -> None:
    with pytest.raises(ArchiveError, match="refused the SSA query"):
        search_ssa(ondrejov.url, SsaQuery(maxrec=-3))


def test_todays_descriptor(ondrejov: SsaArchive) -> None:
    answer = search_ssa(ondrejov.url, SsaQuery(maxrec=1))
    assert answer.descriptor is not None
    assert answer.descriptor.standard_id == "ivo://ivoa.net/std/SODA#sync-1.0"
    assert "BAND=6.519e-07%206.732e-07" in answer.descriptor.url(
        "ivo://a", SpectrumRequest(cutout=(6519, 6732))
    )


def test_the_links_document_describes_the_same_service(ondrejov: SsaArchive) -> None:
    answer = search_ssa(ondrejov.url, SsaQuery(target="gamma Cas"))
    assert answer.links is not None
    assert answer.descriptor is not None
    did = answer.records[0].publisher_did
    links = run_query(TolerantDatalinkQuery(answer.links.access_url, session=Session(), ID=did), "links")
    described = find_descriptor(links.votable.resources)
    assert described is not None
    assert described.access_url == answer.descriptor.access_url
    assert [link.semantics for link in links.bysemantics("#this", include_narrower=False)] == ["#this"]


def test_tap(ondrejov: SsaArchive) -> None:
    records = discover(ondrejov, TapQuery()).records
    assert len(records) == 21
    assert all(record.descriptor and record.ra is not None and record.target for record in records)
    (record,) = discover(ondrejov, TapQuery(where="ssa_targname = 'gamma Cas'")).records
    assert record.publisher_did.endswith("/uk220017")
    assert find_spectrum_tables(f"{PEER}/tap") == ["ccd700.data", "lamost.data"]


def test_a_list_of_the_real_archives_identifiers(ondrejov: SsaArchive, tmp_path: Path) -> None:
    dids = [f"ivo://asu.cas.cz/stel/ccd700/{name}" for name in ("uk220017", "td240024", "nosuch0001")]
    report = fetch_spectra(ondrejov, dids, tmp_path, options=NORMALIZED)
    assert report.fetched == 2
    assert [(reject.source, reject.code) for reject in report.missing] == [(dids[2], "http_404")]
    assert "gamma Cas" in (tmp_path / "index.csv").read_text()


def test_all_spectra_are_those_of_the_files(ondrejov: SsaArchive, shared_data: Path, tmp_path: Path) -> None:
    report = fetch_spectra(ondrejov, TapQuery(), tmp_path, options=NORMALIZED)
    assert (report.fetched, report.missing) == (21, ())
    renamed = {"uk220017.fits": "gamma-cas-emission.fits", "vh130075.fits": "alpha-lyr-absorption.fits"}
    for path in tmp_path.glob("*.fits"):
        original = shared_data / "ondrejov" / renamed.get(path.name, path.name)
        for column in ("spectral", "flux"):
            np.testing.assert_array_equal(fits.getdata(path, 1)[column], fits.getdata(original, 1)[column])


def test_a_cut_out(ondrejov: SsaArchive, tmp_path: Path) -> None:
    request = SpectrumRequest(calibration="normalized", cutout=(6519.0, 6732.0))
    fetch_spectra(ondrejov, SsaQuery(target="gamma Cas"), tmp_path, options=FetchOptions(request=request))
    wavelength = fits.getdata(tmp_path / "uk220017.fits", 1)["spectral"]
    assert 6519 <= wavelength.min() < 6519.3
    assert 6731.7 < wavelength.max() <= 6732


def test_a_cut_out_of_nothing_has_a_reason(ondrejov: SsaArchive, tmp_path: Path) -> None:
    options = FetchOptions(request=SpectrumRequest(cutout=(4000.0, 4100.0)))
    report = fetch_spectra(ondrejov, SsaQuery(target="gamma Cas"), tmp_path, options=options)
    assert [reject.code for reject in report.missing] == ["no_data"]
    assert report.complete  # nothing that asking again would bring


def test_lamost(lamost: SsaArchive, shared_data: Path, tmp_path: Path) -> None:
    position = SkyCoord(156.026, 26.351, unit="deg")
    report = fetch_spectra(lamost, SsaQuery(position=position), tmp_path)
    assert report.fetched == 1
    (path,) = tmp_path.glob("*.fits")
    original = fits.getdata(shared_data / "lamost/dr1" / path.name)
    np.testing.assert_array_equal(np.asarray(fits.getdata(path, 1)["flux"], "f4"), original[0])


@pytest.mark.parametrize("archive", ["ondrejov", "lamost"])
def test_what_was_fetched_is_ingested(archive: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    from vo_emline.spectra import find_spectra
    from vo_emline.survey import WindowStore
    from vo_emline.survey.ingest import ingest

    options = FetchOptions(limit=8)
    report = fetch_spectra(request.getfixturevalue(archive), TapQuery(), tmp_path / "in", options=options)
    assert report.fetched == 8
    summary = ingest(find_spectra([tmp_path / "in"]), tmp_path / "store", workers=1)
    assert (summary.inputs, summary.windows) == (8, 8)
    assert WindowStore(tmp_path / "store").inputs == 8
