from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits
from astropy.io.fits.card import Undefined

from vo_emline.spectra import find_spectra
from vo_emline.spectra.quick.source import BLOCK, Header, Unexpected, cards_end, data_start


def cards(*lines: str) -> bytes:
    return "".join(line.ljust(80) for line in lines).encode()


def test_values_are_those_of_astropy_on_every_real_header(shared_data: Path) -> None:
    compared = 0
    for path in find_spectra([shared_data / "lamost", shared_data / "ondrejov"]):
        if path.suffix == ".gz":
            continue
        content = path.read_bytes()
        with fits.open(path) as hdus:
            for hdu in hdus[:3]:
                place = hdu.fileinfo()
                end = cards_end(content, place["hdrLoc"])
                assert data_start(end) == place["datLoc"]
                header = Header(content[place["hdrLoc"] : end])
                for key in set(hdu.header) - {"", "COMMENT", "HISTORY"}:
                    wanted = hdu.header[key]
                    found = header.get(key)
                    assert type(found) is type(wanted) or isinstance(wanted, Undefined)
                    assert found == (None if isinstance(wanted, Undefined) else wanted)
                    assert header.comment(key) == hdu.header.comments[key]
                    compared += 1
    assert compared > 25_000


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("KEY     = 'it''s it'          / comment", "it's it"),
        ("KEY     = 'a / b   '", "a / b"),
        ("KEY     = ''", ""),
        ("KEY     =                  -12 / twelve", -12),
        ("KEY     =                  007", 7),
        ("KEY     =              1.5D+03 /", 1500.0),
        ("KEY     =                  .5", 0.5),
        ("KEY     =                    F", False),
        ("KEY     =                      / nothing", None),
    ],
)
def test_values(card: str, value: object) -> None:
    header = Header(cards(card))
    assert header.get("KEY", "absent") == value
    assert type(header.get("KEY")) is type(value)


def test_the_first_of_two_cards_answers_and_an_absent_one_gives_the_default() -> None:
    header = Header(cards("RA      =  1.0", "COMMENT RA = 3", "RA      =  2.0"))
    assert header.get("RA") == 1.0
    assert header.get("DEC", 5) == 5
    assert header.get("COMMENT") is None


@pytest.mark.parametrize("card", ["KEY     = 'open", "KEY     = 1 2", "KEY     = (1, 2)", "KEY     = 1,5"])
def test_odd_values_are_left_to_astropy_when_asked_for(card: str) -> None:
    header = Header(cards(card, "RA      = 1.0"))
    assert header.get("RA") == 1.0
    with pytest.raises(Unexpected):
        header.get("KEY")


@pytest.mark.parametrize(
    "card",
    ["HIERARCH ESO DET = 1", "CONTINUE  'more'", "KEY     =1", "key     = 1", "KEY", "KEY     = '\x07'"],
)
def test_odd_headers_are_left_to_astropy(card: str) -> None:
    with pytest.raises(Unexpected):
        Header(cards(card))


def test_the_end_is_found_at_the_begin_of_a_card_only() -> None:
    content = cards("COMMENT END", "KEY     = 'END'", "END")
    assert cards_end(content) == 160
    assert cards_end(content[:160]) == -1
    assert data_start(160) == BLOCK
    assert data_start(BLOCK - 80) == BLOCK
    assert data_start(BLOCK) == 2 * BLOCK
