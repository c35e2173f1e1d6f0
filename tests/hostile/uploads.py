"""Tables that lie about themselves, generated: every format, every size that a header can state."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

_TYPES = (
    "bit", "boolean", "unsignedByte", "short", "int", "long", "char", "unicodeChar", "float", "double",
    "floatComplex", "doubleComplex", "nonsense",
)  # fmt: skip
_SIZES = (
    "", "*", "0", "1", "2", "3", "7*", "0*", "2x0", "0x*", "3x*", "2x2", "100000", "500000000", "-1", "x",
    "1x1x1x1x1", "99999999999999999999", "1e9", "*x*", " 4 ", "2147483648",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 8, 80, 999, 2880, 10**5, 10**9, 2**31 - 1, 2**31, 2**63 - 1, 10**18, -1, -(2**31))
_FORMATS = (
    "0J",
    "1J",
    "J",
    "0A",
    "5A",
    "999999999A",
    "1PJ(3)",
    "1QD(9)",
    "X",
    "0X",
    "9L",
    "1C",
    "M",
    "",
    "?",
    "2P",
)


def votable_bombs() -> Iterator[bytes]:
    """The uploads that were found to hang or kill a reader, and their kin."""
    yield votable('<FIELD name="a" datatype="bit" arraysize="0"/>', b"\x00" * 9, "BINARY")
    yield votable('<FIELD name="a" datatype="unicodeChar" arraysize="500000000"/>', b"\x00" * 9, "BINARY")
    yield votable('<FIELD name="a" datatype="int"/>', b"\x00" * 8, "BINARY", rows=2_000_000_000)
    wide = "".join(f'<FIELD name="c{n}" datatype="double" arraysize="100000"/>' for n in range(20))
    yield votable(wide, "<TR></TR>" * 3000, "TABLEDATA")
    for element in ("PARAM", "TABLE", "RESOURCE", "INFO"):
        yield b"<VOTABLE><RESOURCE>" + f"<{element} name='x'/>".encode() * 60_000 + b"</RESOURCE></VOTABLE>"
    yield b"<VOTABLE>" + b"<RESOURCE>" * 50_000


def fits_bombs() -> Iterator[bytes]:
    """FITS files whose headers promise what no file holds."""
    yield fits_table(axis1=0, axis2=10**9, formats=["J"])
    yield fits_table(axis1=4, axis2=10**9, formats=["J"])
    yield fits_table(axis1=4, axis2=1, formats=["0J"])
    yield fits_table(axis1=4, axis2=1, formats=["J"], fields=999_999_999)
    yield fits_table(
        axis1=16, axis2=50, formats=["1PJ(9)", "1PJ(9)"], data=b"\x7f\xff\xff\xff" * 999, heap=2000
    )


def generated(seed: int, number: int) -> Iterator[bytes]:
    """`number` uploads of all kinds, the same for the same seed."""
    chance = random.Random(seed)
    makers = (_votable, _votable, _fits, _fits, _csv, _mutated, _noise)
    for _ in range(number):
        yield chance.choice(makers)(chance)


def votable(fields: str, data: bytes | str, serialization: str, rows: int | None = None) -> bytes:
    """Give a VOTable of one table."""
    nrows = f' nrows="{rows}"' if rows is not None else ""
    if isinstance(data, str):
        body = f"<{serialization}>{data}</{serialization}>"
    else:
        encoded = base64.b64encode(data).decode()
        body = f'<{serialization}><STREAM encoding="base64">{encoded}</STREAM></{serialization}>'
    return (
        f'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE{nrows}>'
        f"{fields}<DATA>{body}</DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def fits_table(
    *, axis1: int, axis2: int, formats: list[str], fields: int | None = None, data: bytes = b"", heap: int = 0
) -> bytes:
    """Give a FITS file with one binary table, its sizes as stated."""
    primary = _header(["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   = 0"])
    fields = len(formats) if fields is None else fields
    cards = [
        "XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {axis1}", f"NAXIS2  = {axis2}",
        f"PCOUNT  = {heap}", "GCOUNT  = 1", f"TFIELDS = {fields}",
    ]  # fmt: skip
    for place, text in enumerate(formats, start=1):
        cards += [f"TFORM{place:<3}= '{text}'", f"TTYPE{place:<3}= 'c{place}'"]
    body = data or bytes(max(0, min(axis1 * axis2, 6000)))
    return primary + _header(cards) + body + bytes(-len(body) % 2880)


def _header(cards: list[str]) -> bytes:
    text = "".join(card.ljust(80)[:80] for card in [*cards, "END"]).encode("latin-1")
    return text + b" " * (-len(text) % 2880)


def _votable(chance: random.Random) -> bytes:
    fields = "".join(
        f'<FIELD name="c{place}" datatype="{chance.choice(_TYPES)}"'
        + (f' arraysize="{size}"' if (size := chance.choice(_SIZES)) else "")
        + "/>"
        for place in range(chance.randint(0, 6))
    )
    rows = chance.choice([None, None, *_NUMBERS])
    serialization = chance.choice(("TABLEDATA", "BINARY", "BINARY2"))
    if serialization == "TABLEDATA":
        cell = chance.choice(("", "1", "1 2 3", "x", "1e400", "T", "\u03bb"))
        data: bytes | str = f"<TR>{f'<TD>{cell}</TD>' * chance.randint(0, 7)}</TR>" * chance.choice(
            (0, 1, 50)
        )
    else:
        data = chance.randbytes(chance.choice((0, 1, 8, 300))) + b"\x7f\xff\xff\xff" * chance.randint(0, 2)
    return votable(fields, data, serialization, rows)


def _fits(chance: random.Random) -> bytes:
    return fits_table(
        axis1=chance.choice(_NUMBERS),
        axis2=chance.choice(_NUMBERS),
        formats=[chance.choice(_FORMATS) for _ in range(chance.randint(0, 4))],
        fields=chance.choice([None, None, *_NUMBERS]),
        data=chance.randbytes(chance.choice((0, 100, 9000))),
        heap=chance.choice((0, 0, *_NUMBERS)),
    )


def _csv(chance: random.Random) -> bytes:
    cell = chance.choice(("", "1", '"', '"a,b"', "x" * 5000, "1e999", "\x00", "nan", "\u03bb"))
    line = ",".join([cell] * chance.choice((1, 3, 3000)))
    return "\n".join([line] * chance.choice((1, 2, 300))).encode()[:2_000_000]


def _mutated(chance: random.Random) -> bytes:
    whole = bytearray(chance.choice((_votable, _fits, _csv))(chance))
    for _ in range(chance.randint(1, 20)):
        if whole:
            whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole[: chance.randint(0, len(whole))] if chance.random() < 0.3 else whole)


def _noise(chance: random.Random) -> bytes:
    start = chance.choice((b"", b"<", b"\xff\xfe<", b"SIMPLE  =", b"<VOTABLE>", b"\xef\xbb\xbf<"))
    return start + chance.randbytes(chance.choice((0, 1, 100, 5000)))
