"""Products over real HTTP, read back by the programs that people read them with."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from astropy.units import UnitsWarning
from structlog.testing import capture_logs

from service.parameters import Parameters
from service.products.deliver import WRITERS, find_entry, open_spectrum
from service.products.product import make_product
from service.products.request import FORMATS, NATIVE, parse_request
from service.products.writers import write_fits
from vo_emline.spectra import HALPHA_VAC, Identity, Spectrum, read, read_bytes

MADE_HERE = [item for item in FORMATS if item is not NATIVE]
PRESENT = ("ondrejov", "raw", "dr1", "dr7", "dr10")


def fetch(archive: Any, name: str, **parameters: str) -> Spectrum:
    answer = archive.get("spectrum", ID=archive.dids[name], **parameters)
    assert answer.status_code == 200, answer.text
    return read_bytes(answer.content, source=name)


def original(archive: Any, name: str) -> Spectrum:
    content = archive.get("product", ID=archive.dids[name]).content
    return read_bytes(content, source=name)


@pytest.mark.parametrize("wanted", MADE_HERE, ids=lambda item: item.name)
@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("medium", ["vacuum", "air"])
def test_every_format_gives_back_the_spectrum_whatever_its_medium(
    archive: Any, name: str, wanted: Any, medium: str
) -> None:
    answer = archive.get("spectrum", ID=archive.dids[name], FORMAT=wanted.media_type, MEDIUM=medium)
    assert answer.headers["content-type"].partition(";")[0] == wanted.media_type.partition(";")[0]
    seen = read_bytes(answer.content, source=name)
    whole = original(archive, name)
    np.testing.assert_allclose(seen.wavelength_vac, whole.wavelength_vac, atol=2e-6)
    np.testing.assert_allclose(seen.flux, whole.flux, rtol=1e-12)
    np.testing.assert_array_equal(seen.mask, whole.mask)
    assert seen.medium == medium
    if whole.ivar is not None:
        assert seen.ivar is not None
        np.testing.assert_allclose(seen.ivar, whole.ivar, rtol=1e-9)


def started(identity: Identity) -> float:
    """Give when the exposure began, MJD: files say its start or its middle, products both."""
    assert identity.epoch_mjd is not None
    assert identity.epoch_kind in ("start", "middle")
    half = (identity.exposure_s or 0.0) / 2 / 86400
    return identity.epoch_mjd - (half if identity.epoch_kind == "middle" else 0.0)


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("wanted", ["application/fits", "application/x-votable+xml"])
def test_products_keep_identity_epoch_and_resolving_power(archive: Any, name: str, wanted: str) -> None:
    seen = fetch(archive, name, FORMAT=wanted)
    whole = original(archive, name)
    assert seen.identity.survey == whole.identity.survey
    assert seen.identity.publisher_did == archive.dids[name]
    assert seen.identity.object_name == (whole.identity.designation or whole.identity.object_name)
    assert seen.identity.ra == whole.identity.ra
    assert seen.identity.dec == whole.identity.dec
    assert seen.identity.exposure_s == whole.identity.exposure_s
    assert started(seen.identity) == pytest.approx(started(whole.identity), abs=1e-8)  # a millisecond
    assert seen.resolving_power == whole.resolving_power


def test_the_fits_table_says_what_it_is_in_its_cards(archive: Any) -> None:
    content = archive.get("spectrum", ID=archive.dids["ondrejov"], FORMAT="application/fits").content
    with fits.open(io.BytesIO(content), checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus[1].header
        assert hdus[1].columns.names == ["wavelength", "flux"]
    assert header["OBJECT"] == "phi Per"
    assert header["DATE-OBS"] == "2011-11-22T12:00:00.000"
    assert header["TMID"] == pytest.approx(55887.5 + 300 / 86400)
    assert header["AIRORVAC"] == "vac"
    assert header["VACUUM"] is True
    assert header.comments["TTYPE1"] == "Wavelength in vacuum"
    assert header["TUTYP2"] == "spec:Spectrum.Data.FluxAxis.Value"
    assert header["FLUX_CAL"] == "NORMALIZED"  # the archive itself says UNCALIBRATED of normalised flux
    assert header["SPEC_RP"] == 13000


def test_a_cut_out_is_in_vacuum_whatever_the_medium_of_the_answer(archive: Any) -> None:
    for medium in ("vacuum", "air"):
        seen = fetch(archive, "dr7", BAND="6.5e-7 6.6e-7", MEDIUM=medium)
        assert seen.wavelength_vac[0] >= 6500 - 1e-5
        assert seen.wavelength_vac[-1] <= 6600 + 1e-5
        assert len(seen) == 66  # 1e-4 dex per pixel


def test_the_older_way_to_cut_out_gives_the_same(archive: Any) -> None:
    first = fetch(archive, "ondrejov", LAMBDA_MIN="6.55e-7", LAMBDA_MAX="6.57e-7")
    second = fetch(archive, "ondrejov", BAND="6.55e-7 6.57e-7")
    np.testing.assert_array_equal(first.flux, second.flux)


def test_a_normalised_cut_out_is_a_cut_of_the_normalised_spectrum(archive: Any) -> None:
    part = fetch(archive, "raw", BAND="6.53e-7 6.6e-7", FLUXCALIB="normalized")
    whole = fetch(archive, "raw", FLUXCALIB="normalized")
    inside = (whole.wavelength_vac >= 6530) & (whole.wavelength_vac <= 6600)
    np.testing.assert_array_equal(part.flux, whole.flux[inside])
    assert np.median(whole.flux) == pytest.approx(1, abs=0.01)


def test_an_empty_cut_out_is_no_content(archive: Any) -> None:
    answer = archive.get("spectrum", ID=archive.dids["ondrejov"], BAND="1e-7 2e-7")
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_original_comes_byte_for_byte(archive: Any) -> None:
    for name, kind in (("dr1", "image/fits"), ("ondrejov", "application/fits"), ("dr10", "application/gzip")):
        for answer in (
            archive.get("product", ID=archive.dids[name]),
            archive.get("spectrum", ID=archive.dids[name], FORMAT="native"),
        ):
            assert answer.headers["content-type"] == kind
            file = answer.headers["content-disposition"].partition("filename=")[2].strip('"')
            assert answer.content == (archive.folder / file).read_bytes()
    assert gzip.decompress(answer.content).startswith(b"SIMPLE")


def test_processing_the_untouched_file_is_refused(archive: Any) -> None:
    answer = archive.get("spectrum", ID=archive.dids["dr7"], FORMAT="native", BAND="6e-7 7e-7")
    assert answer.status_code == 400
    assert "leave out BAND" in answer.text


@pytest.mark.parametrize("path", ["spectrum", "product", "preview.png"])
@pytest.mark.parametrize("did", ["vanished", "ivo://nobody/nothing", "../../etc/passwd", "/etc/passwd"])
def test_what_is_not_there_is_a_404_votable(archive: Any, path: str, did: str) -> None:
    answer = archive.get(path, ID=archive.dids.get(did, did))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/x-votable+xml"
    info = parse(io.BytesIO(answer.content)).resources[0].infos[0]
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    assert info.content.startswith("NotFoundFault: ")
    assert str(archive.folder) not in answer.text


@pytest.mark.parametrize("path", ["spectrum", "product", "preview.png"])
def test_a_request_without_an_identifier_is_a_usage_fault(archive: Any, path: str) -> None:
    answer = archive.get(path)
    assert answer.status_code == 400
    assert "UsageFault: ID is missing" in answer.text


def test_a_file_broken_after_indexing_is_gone_for_clients(archive: Any) -> None:
    path = next(archive.folder.glob("*TEST*sp01-001.fits"))
    content = path.read_bytes()
    try:
        path.write_bytes(content[:1000])
        answer = archive.get("spectrum", ID=archive.dids["dr1"])
    finally:
        path.write_bytes(content)
    assert answer.status_code == 404
    assert "gone or unreadable" in answer.text


def test_the_votable_follows_the_spectrum_data_model(archive: Any) -> None:
    content = archive.get("spectrum", ID=archive.dids["dr7"]).content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # VOUnit deprecates the Angstrom
        document = parse(io.BytesIO(content), verify="exception")
    table = document.get_first_table()
    assert document.resources[0].utype == table.utype == "spec:Spectrum"
    assert b'xmlns:spec="http://www.ivoa.net/xml/SpectrumModel/v1.01"' in content
    columns = {field.name: field for field in table.fields}
    assert list(columns)[:3] == ["wavelength", "flux", "flux_error"]
    assert columns["wavelength"].utype == "spec:Spectrum.Data.SpectralAxis.Value"
    assert columns["flux_error"].utype == "spec:Spectrum.Data.FluxAxis.Accuracy.StatError"
    assert columns["wavelength"].description == "Wavelength in vacuum"
    facts = {param.utype: param.value for param in table.params if param.utype}
    for mandatory in (
        "DataModel", "Length", "Target.Name", "DataID.Title", "Curation.PublisherDID",
        "Char.SpatialAxis.Coverage.Location.Value", "Char.SpatialAxis.Coverage.Bounds.Extent",
        "Char.TimeAxis.Coverage.Location.Value", "Char.TimeAxis.Coverage.Bounds.Extent",
        "Char.SpectralAxis.Coverage.Location.Value", "Char.SpectralAxis.Coverage.Bounds.Extent",
        "Char.SpectralAxis.Ucd", "Char.SpectralAxis.Unit", "Char.FluxAxis.Ucd", "Char.FluxAxis.Calibration",
    ):  # fmt: skip
        assert f"spec:Spectrum.{mandatory}" in facts, mandatory
    assert facts["spec:Spectrum.DataID.CreationType"] == "archival"
    referenced = {entry.ref for group in table.groups for entry in group.entries}
    assert {"Target", "ResolvingPower", "TimeMiddle"} <= referenced


def test_a_cut_out_says_that_it_is_one(archive: Any) -> None:
    text = archive.get("spectrum", ID=archive.dids["dr7"], BAND="6e-7 7e-7", FORMAT="ecsv").text
    table = Table.read(text, format="ascii.ecsv")
    assert table.meta["CreationType"] == "cutout"
    assert table["wavelength_vacuum"].unit == "Angstrom"
    assert 6000 <= table["wavelength_vacuum"].min() < 6002


@pytest.mark.stilts
@pytest.mark.parametrize(
    ("name", "wanted"), [*((name, "votable") for name in PRESENT), ("dr1", "tabledata")], ids=str
)
def test_validators_are_silent(archive: Any, tmp_path: Path, name: str, wanted: str) -> None:
    path = tmp_path / "spectrum.vot"
    path.write_bytes(archive.get("spectrum", ID=archive.dids[name], FORMAT=wanted).content)
    assert run("stilts", "votlint", path) == ""
    assert "found no violations" in run("volint", path)


def run(program: str, *arguments: str | Path) -> str:
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    assert path is not None
    command = [path, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


@pytest.mark.stilts
def test_topcats_library_plots_it_without_being_told_what_is_what(archive: Any, tmp_path: Path) -> None:
    path = tmp_path / "spectrum.vot"
    path.write_bytes(archive.get("spectrum", ID=archive.dids["ondrejov"]).content)
    stats = run("stilts", "tpipe", f"in={path}", "cmd=stats name mean", "ofmt=csv")
    assert stats.splitlines()[1].startswith("wavelength,65")


def test_specutils_reads_the_fits_table(archive: Any, tmp_path: Path) -> None:
    specutils = pytest.importorskip("specutils")
    path = tmp_path / "raw.fits"
    path.write_bytes(archive.get("spectrum", ID=archive.dids["raw"], FORMAT="application/fits").content)
    seen = specutils.Spectrum.read(path, format="tabular-fits")
    whole = original(archive, "raw")
    np.testing.assert_allclose(seen.spectral_axis.to_value("Angstrom"), whole.wavelength_vac)
    np.testing.assert_allclose(seen.flux.value, whole.flux)
    assert seen.flux.unit == "adu"


def test_real_files_keep_their_numbers(served: Any, shared_data: Path) -> None:
    # HR 3135, emission in both surveys
    for path, did in (
        (shared_data / "ondrejov" / "ub240016.fits", "ivo://asu.cas.cz/stel/ccd700/ub240016"),
        (
            shared_data / "lamost" / "dr1" / "spec-56284-GAC122S02V2_sp14-183.fits",
            "ivo://x-vo-emline.local/~?lamost-lrs/spec-56284-GAC122S02V2_sp14-183",
        ),
    ):
        content = httpx.get(f"{served.url}/spectrum", params={"ID": did}).content
        seen, whole = read_bytes(content, source="seen"), read(path)
        np.testing.assert_array_equal(seen.wavelength_vac, whole.wavelength_vac)
        np.testing.assert_array_equal(seen.flux, whole.flux)
        inside = np.abs(seen.wavelength_vac - HALPHA_VAC) < 10
        assert seen.flux[inside].max() > 1.5 * np.median(seen.flux)


def test_odd_names_and_identifiers_do_no_harm(archive: Any) -> None:
    entry = find_entry(archive.services.store, archive.dids["ondrejov"])
    odd = replace(entry, target_name="μ\x01 Cep\n<&>", collection="Ondřejov")
    product = make_product(odd, open_spectrum(entry), parse_request(Parameters({"ID": ["x"]})))
    assert product is not None
    for name, write in WRITERS.items():
        content = write(product)
        assert len(read_bytes(content, source=name)) == 1757
    assert fits.getheader(io.BytesIO(write_fits(product)), 1)["OBJECT"].startswith("?")


def test_a_file_that_may_not_be_read_is_told_to_the_operator(archive: Any) -> None:
    with capture_logs() as lines:
        archive.get("product", ID=archive.dids["vanished"])
    assert "spectrum_unreadable" in {line["event"] for line in lines}
