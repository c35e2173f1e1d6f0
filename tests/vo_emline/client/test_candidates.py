"""Results: slices, shapes, spectra, figures."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.figure import Figure

from vo_emline.client import Candidates, Client, MissingSpectraWarning
from vo_emline.errors import UserError
from vo_emline.plots import save
from vo_emline.spectra import Spectrum, read


@pytest.fixture
def found(client: Client) -> Candidates:
    return client.search(limit="all")


def test_it_prints_as_a_table(found: Candidates, service_url: str) -> None:
    head, names, _rule, first, *_ = repr(found).splitlines()
    assert head == f"4 rows from {service_url}"
    assert names.split()[:4] == ["candidate_id", "designation", "ra", "dec"]
    assert "J063416.35+023030.2" in first
    assert "0.990" in first


def test_it_displays_in_a_notebook_with_links_to_pictures(found: Candidates) -> None:
    html = found._repr_html_()
    assert html.count("<tr>") == 5
    assert f'href="{found["preview_image_url"][0]}"' in html
    assert "<script" not in html


def test_html_of_the_data_is_escaped(client: Client) -> None:
    query = "SELECT '<script>alert(1)</script>' AS designation, ra, dec FROM emline.candidates"
    assert "<script>" not in client.adql(query, maxrec=1)._repr_html_()


def test_printing_does_not_change_the_table(found: Candidates) -> None:
    before = found.table["ra"].info.format
    repr(found)
    assert found.table["ra"].info.format == before


def test_rows_columns_and_slices(found: Candidates) -> None:
    assert found[0]["obsid"] == 101
    assert list(found["obsid"][:2]) == [101, 102]
    for fewer in (found[:2], found[found["score"] > 0.9], found[[0, 1]]):
        assert isinstance(fewer, Candidates)
        assert [row["obsid"] for row in fewer] == [101, 102]
    assert found.url is not None
    assert found[:2].url is None


def test_other_shapes(found: Candidates) -> None:
    assert found.to_table() is not found.table
    assert found.to_pandas()["label"].tolist() == ["double-peak", "emission", "double-peak", "emission"]
    assert found.to_arrow().field("ra").metadata[b"ucd"] == b"pos.eq.ra;meta.main"
    assert found.to_csv().splitlines()[0].startswith('"candidate_id"') or found.to_csv().startswith(
        "candidate_id"
    )


def test_positions(found: Candidates, client: Client) -> None:
    assert found.skycoord.frame.name == "icrs"
    assert found.skycoord[0].ra.deg == pytest.approx(98.568125)
    with pytest.raises(UserError, match="did not ask for the column 'ra'; it gave label"):
        _ = client.adql("SELECT DISTINCT label FROM emline.candidates").skycoord


def test_spectra_belong_to_their_rows(found: Candidates) -> None:
    spectra = found.spectra(progress=False)
    assert len(spectra) == len(found)
    for row, spectrum in zip(found, spectra, strict=True):
        assert isinstance(spectrum, Spectrum)
        assert spectrum.identity.designation == row["designation"]


@pytest.mark.parametrize("columns", [["obs_publisher_did"], ["access_url"]])
def test_spectra_are_those_of_the_files(client: Client, stars: list[Path], columns: list[str]) -> None:
    """Whether the original file travels or the VOTable of the spectrum data model."""
    served, original = client.search(columns=columns, limit=1).spectrum(0), read(stars[0])
    np.testing.assert_allclose(served.wavelength_vac, original.wavelength_vac, rtol=1e-12)
    np.testing.assert_array_equal(served.flux, original.flux)
    assert served.ivar is not None
    assert original.ivar is not None
    np.testing.assert_allclose(served.ivar, original.ivar, rtol=1e-5)
    assert served.resolving_power == pytest.approx(original.resolving_power)


def test_cached_spectra_need_no_service(found: Candidates) -> None:
    first = found.spectra(progress=False)
    assert found.client.cache.info().files == 4
    again = found.spectra(offline=True, progress=False)
    np.testing.assert_array_equal(first.good[3].flux, again.good[3].flux)
    found.client.cache.clear()
    with pytest.warns(MissingSpectraWarning, match=r"4 of 4 spectra .*we are offline"):
        assert found.spectra(offline=True, progress=False).good == ()


def test_what_cannot_be_had_keeps_its_place(found: Candidates) -> None:
    table = found.to_table()
    table["obs_publisher_did"] = table["obs_publisher_did"].astype(object)
    table["obs_publisher_did"][1] = "ivo://nowhere/~?nothing"
    with pytest.warns(MissingSpectraWarning, match="1 of 4 spectra could not be had"):
        spectra = Candidates(table, found.client, adql="").spectra(progress=False)
    assert [spectrum is None for spectrum in spectra] == [False, True, False, False]
    assert spectra[1] is None
    assert len(spectra[1:].good) == 2
    assert spectra.rejects[0].code == "not_fetched"
    assert repr(spectra) == "<Spectra: 3, 1 missing (see .rejects)>"


def test_spectra_without_their_address(client: Client) -> None:
    for column in ("obs_publisher_did", "access_url"):
        found = client.search(columns=[column], limit=1)
        assert found.spectrum(0).identity.object_name == "J063416.35+023030.2"
    with pytest.raises(UserError, match="obs_publisher_did"):
        client.search(columns=["ra", "dec"], limit=1).spectra()


@pytest.mark.parametrize(("file_format", "suffix"), [("votable", ".vot"), ("fits", ".fits"), ("csv", ".csv")])
def test_download(found: Candidates, tmp_path: Path, file_format: str, suffix: str) -> None:
    report = found.download(tmp_path, file_format=file_format, progress=False)
    assert (len(report.saved), len(report.present), len(report.rejects)) == (4, 0, 0)
    assert report.saved[0].name == f"{found[0]['candidate_id']}_J063416.35+023030.2{suffix}"
    assert read(report.saved[0]).identity.source == str(report.saved[0])
    again = found.download(tmp_path, file_format=file_format, progress=False)
    assert str(again) == "0 saved, 4 there already, 0 failed"


def test_download_of_the_original_files(found: Candidates, tmp_path: Path, stars: list[Path]) -> None:
    report = found[:1].download(tmp_path, file_format="native", progress=False)
    assert report.saved[0].read_bytes() == stars[0].read_bytes()
    assert fits.getval(report.saved[0], "OBSID") == 101
    assert str(found[:1].download(tmp_path, file_format="native")) == "0 saved, 1 there already, 0 failed"


def test_download_never_writes_two_spectra_into_one_file(client: Client, tmp_path: Path) -> None:
    same = client.search(columns=["'one' AS candidate_id", "obs_publisher_did"], limit=2)
    with pytest.raises(UserError, match="several rows would get one file name"):
        same.download(tmp_path)


def test_download_in_an_unknown_format(found: Candidates, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no format 'hdf5'; the formats are votable, fits"):
        found.download(tmp_path, file_format="hdf5")


def test_figures(found: Candidates, tmp_path: Path) -> None:
    for name, figure in {"plot": found.plot(), "gallery": found.gallery(n=3, columns=2)}.items():
        assert isinstance(figure, Figure)
        save(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    titles = [axes.get_title(loc="left") for axes in found.gallery(n=3, columns=2).axes]
    assert titles[0] == "J063416.35+023030.2\ndouble-peak, score 0.99"


def test_specutils(found: Candidates) -> None:
    pytest.importorskip("specutils")
    spectra = found.to_specutils(progress=False)
    assert len(spectra) == 4
    assert spectra[0].meta["designation"] == "J063416.35+023030.2"


@pytest.mark.parametrize("suffix", [".csv", ".vot", ".parquet", ".fits", ".ecsv"])
def test_write(found: Candidates, tmp_path: Path, suffix: str) -> None:
    found.write(tmp_path / f"rows{suffix}")
    assert (tmp_path / f"rows{suffix}").stat().st_size > 500
