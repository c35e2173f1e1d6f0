"""Records from the rows of SSA and TAP answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.archives.records import ArchiveRecord, merge_formats, read_records
from vo_emline.net.votable import read_votable


def test_ondrejov_rows_become_one_record_per_spectrum(shared_data: Path) -> None:
    content = (shared_data / "services/ondrejov/ssap1.xml").read_bytes()
    table = read_votable(content, "x").votable.get_first_table()
    records = read_records(table)
    assert len({record.publisher_did for record in records}) == len(records) < len(table.array) == 30
    first = records[0]
    assert first.publisher_did == "ivo://asu.cas.cz/stel/ccd700/tg160037"
    assert first.target == "HD217476"  # V509 Cas
    assert (first.ra, first.dec) == pytest.approx((345.021249997337, 56.94536110962), abs=1e-12)
    assert first.epoch_mjd == pytest.approx(55393.9589467593)
    assert first.exposure_s == 900
    assert first.wave_min == pytest.approx(6.26034e-07)
    assert first.wave_max == pytest.approx(6.77268e-07)
    assert all(record.access_format == "image/fits" for record in records)


def test_lamost_rows(shared_data: Path) -> None:
    content = (shared_data / "services/lamost/ssap_response.xml").read_bytes()
    records = read_records(read_votable(content, "x").votable.get_first_table())
    assert len(records) == 225
    first = records[0]
    assert first.publisher_did == "ivo://china-vo.org/data/lamost/dr10/v2.0/spectrum/fits/403028"
    assert first.target == "J003906.97+400528.9"
    assert (first.ra, first.dec) == pytest.approx((9.7790685, 40.091383))
    assert first.epoch_mjd == 55858.0


def tap_table(fields: str, cells: str) -> bytes:
    return (
        "<VOTABLE><RESOURCE type='results'><TABLE>"
        f"{fields}<DATA><TABLEDATA><TR>{cells}</TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


@pytest.mark.parametrize(
    "said", ["Position ICRS 345.02125 56.94536", "(345.02125, 56.94536)", "345.02125 56.94536"]
)
def test_positions_in_text_are_read_by_tap(said: str) -> None:
    text = "datatype='char' arraysize='*'"
    fields = (
        f"<FIELD name='ssa_pubDID' {text}/><FIELD name='ssa_location' {text}/><FIELD name='mime' {text}/>"
    )
    content = tap_table(fields, f"<TD>ivo://a/b</TD><TD>{said}</TD><TD>image/fits</TD>")
    (record,) = read_records(read_votable(content, "x").votable.get_first_table())
    assert (record.ra, record.dec) == (345.02125, 56.94536)


def test_unknown_values_are_none() -> None:
    text = "datatype='char' arraysize='*'"
    fields = f"<FIELD name='obs_publisher_did' {text}/><FIELD name='s_ra' datatype='double'/>"
    (record,) = read_records(
        read_votable(tap_table(fields, "<TD>ivo://a/b</TD><TD/>"), "x").votable.get_first_table()
    )
    assert (record.ra, record.dec, record.epoch_mjd, record.target) == (None, None, None, "")


def test_the_fits_file_is_kept_and_rows_without_identifier_are_not() -> None:
    rows = [
        ArchiveRecord(publisher_did="ivo://a", access_format="application/x-votable+xml", access_url="a.vot"),
        ArchiveRecord(publisher_did="ivo://a", access_format="image/fits", access_url="a.fit"),
        ArchiveRecord(publisher_did="", access_format="image/fits"),
    ]
    assert [record.access_url for record in merge_formats(rows)] == ["a.fit"]
