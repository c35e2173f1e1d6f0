from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io.votable import from_table
from astropy.table import Column, Table

from vo_emline.errors import DataError
from vo_emline.spectra import read, read_bytes, refuse_hostile

HEAD = '<?xml version="1.0"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'


def refusal(document: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read_bytes(document.encode(), source="answer.vot")
    return caught.value


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("6563.0 1.0\n")
    return path


def test_a_stream_that_points_elsewhere_is_refused_before_it_is_opened(secret: Path) -> None:
    document = f"""{HEAD}<RESOURCE><TABLE><FIELD name="wave" datatype="double" unit="Angstrom"/>
        <FIELD name="flux" datatype="double"/>
        <DATA><BINARY><STREAM href="file://{secret}"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>"""
    assert refusal(document).code == "hostile"


def test_a_prefixed_stream_is_refused_too(secret: Path) -> None:
    document = (
        f'{HEAD}<v:STREAM xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" href="file://{secret}"/></VOTABLE>'
    )
    with pytest.raises(DataError, match="hostile"):
        refuse_hostile(document.encode(), source="x")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE VOTABLE [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>',
        '<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">',
    ],
)
def test_document_types_are_refused(doctype: str) -> None:
    assert refusal(HEAD.replace("\n", doctype) + "</VOTABLE>").code == "hostile"


def test_inline_streams_of_the_archive_are_harmless(shared_data: Path) -> None:
    content = (shared_data / "formats/binary.vot").read_bytes()
    assert b"<STREAM" in content
    refuse_hostile(content, source="binary.vot")


def test_a_broken_document_names_the_place() -> None:
    error = refusal(HEAD + "<RESOURCE></VOTABLE>")
    assert error.code == "broken"
    assert "line 2" in error.message


def test_an_error_document_tells_what_the_service_said() -> None:
    document = f"""{HEAD}<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">No such ID</INFO>
        </RESOURCE></VOTABLE>"""
    error = refusal(document)
    assert error.code == "not_a_spectrum"
    assert "No such ID" in error.message


def test_a_table_of_spectra_is_not_a_spectrum(shared_data: Path) -> None:
    with pytest.raises(DataError, match="not_a_spectrum"):
        read(shared_data / "services/lamost/sql_response_votable.xml")


def test_the_data_model_is_read_from_groups_within_groups() -> None:
    said = '<PARAM name="p" datatype="double" arraysize="2" unit="deg" value="84.41 21.14" utype="spec:{}"/>'
    rows = "".join(f"<TR><TD>{wave}</TD><TD>{wave % 7}</TD></TR>" for wave in range(6300, 6800))
    document = (
        '<VOTABLE version="1.3"><RESOURCE><TABLE><GROUP utype="spec:Spectrum.Target"><GROUP>'
        f"{said.format('Spectrum.Target.Pos')}</GROUP></GROUP>"
        '<FIELD name="w" datatype="double" unit="Angstrom" utype="spec:Data.SpectralAxis.Value"/>'
        '<FIELD name="f" datatype="double" utype="spec:Data.FluxAxis.Value"/>'
        f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    identity = read_bytes(document.encode(), source="groups.vot").identity
    assert (identity.ra, identity.dec) == (84.41, 21.14)


@pytest.mark.parametrize("serialisation", ["tabledata", "binary", "binary2"])
def test_the_spectrum_data_model_in_nanometres(tmp_path: Path, serialisation: str) -> None:
    """Units, nulls, errors and the stated resolving power of an SDM document."""
    wave = np.linspace(640.0, 680.0, 500)
    flux = np.ma.masked_array(1 + 0.1 * np.sin(wave), mask=np.arange(500) == 7)
    table = Table(
        [
            Column(wave, name="spectral", unit="nm", description="Vacuum wavelength"),
            flux,
            np.full(500, 0.5),
        ],
        names=["spectral", "flux", "flux_error"],
    )
    document = from_table(table)
    document.get_first_table().fields[0].utype = "spec:Spectrum.Data.SpectralAxis.Value"
    path = tmp_path / "sdm.vot"
    document.to_xml(str(path), tabledata_format=serialisation)
    spectrum = read(path)
    assert spectrum.medium == "vacuum"
    assert spectrum.wavelength_vac == pytest.approx(wave * 10)
    assert np.flatnonzero(spectrum.mask).tolist() == [7]
    assert spectrum.ivar == pytest.approx(np.full(500, 4.0))


def test_an_axis_of_frequencies_is_refused(tmp_path: Path) -> None:
    table = Table({"wave": Column(np.linspace(440e3, 470e3, 50), unit="GHz"), "flux": np.arange(50.0)})
    path = tmp_path / "radio.vot"
    from_table(table).to_xml(str(path))
    with pytest.raises(DataError, match=r"GHz.*no_wavelengths"):
        read(path)
