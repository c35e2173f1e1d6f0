"""Damaged files of every kind that a reader meets, from a seed: the same number gives the same file."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.rejects import Reject
from vo_emline.spectra import Spectrum, read_or_reject, read_part_or_reject

COUNT: Final = int(os.environ.get("VO_EMLINE_MUTATIONS", "1500"))
BETWEEN: Final = (6450.0, 6700.0)
SECONDS: Final = 2.0
BYTES: Final = 500 * 1024**2

N: Final = 300
WAVE: Final = 6400.0 + 1.2 * np.arange(N)
FLUX: Final = 1 + np.exp(-0.5 * ((WAVE - 6563) / 4) ** 2) + 0.01 * np.sin(WAVE * 7)
LOG: Final = 3.8 + 1e-4 * np.arange(N)

ODD_NUMBERS: Final = (
    "0",
    "-1",
    "1",
    "2",
    "999",
    "1000000000",
    "100000000000000000000",
    "-99999",
    "1E400",
    "NaN",
    "1.5",
    "T",
    "''",
    "'text'",
    "-32",
    "64",
    "7",
)
ODD_WORDS: Final = (
    "'LAMOST'",
    "'Angstrom'",
    "'nm'",
    "'keV'",
    "'WAVE'",
    "'MULTISPE'",
    "'99:99:99'",
    "'2021-02-31'",
    "'FK4'",
    "'1E'",
    "'PE(9999999)'",
    "'999999999D'",
    "'10A'",
    "'L'",
    "'IMAGE'",
    "'BINTABLE'",
)
ODD_FIELDS: Final = (
    "",
    "NaN",
    "-",
    "1e999",
    "x",
    "1,5",
    "--",
    "0",
    "-6563",
    "1D3",
    "∞",
    "\x00",
    '"',
    "\ufeff",
    "9" * 400,
)

Make = Callable[[], bytes]


def _file(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def _primary(data: Any = None, **cards: Any) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(None if data is None else np.asarray(data, dtype=np.float32))
    for key, value in cards.items():
        hdu.header[key.replace("_OBS", "-OBS").replace("DC_", "DC-")] = value
    return hdu


def _table(columns: dict[str, Any], name: str = "", **cards: Any) -> fits.BinTableHDU:
    made = []
    for key, values in columns.items():
        array = np.asarray(values)
        form = {"i": "J", "f": "D", "U": f"{max(array.dtype.itemsize // 4, 1)}A", "b": "L"}[array.dtype.kind]
        made.append(fits.Column(key, f"{array.shape[1]}{form}" if array.ndim > 1 else form, array=array))
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header.update(cards)
    return hdu


IDENTITY: Final = {
    "OBJECT": "HD 1",
    "RA": 10.0,
    "DEC": 20.0,
    "DATE_OBS": "2021-03-05T20:00:00",
    "EXPTIME": 100.0,
}


def _multispec() -> bytes:
    spec = (
        'wtype=multispec spec1 = "1 1 0 6400. 1.2 300 0. 1. 2." '
        'spec2 = "2 1 2 0. 0. 300 0. 1. 2. 1. 0. 1 2 1. 300. 6600. 180."'
    )
    hdu = _primary(np.stack([FLUX, FLUX]), CTYPE1="MULTISPE", WAT0_001="system=multispec", CD1_1=1.0)
    for part in range(0, len(spec), 68):
        hdu.header[f"WAT2_{part // 68 + 1:03d}"] = spec[part : part + 68]
    return _file(hdu)


def _lamost_image() -> bytes:
    rows = np.stack([FLUX, FLUX * 0 + 100, 10**LOG, FLUX * 0, FLUX * 0])
    return _file(
        _primary(
            rows,
            TELESCOP="LAMOST",
            OBSID=12,
            DESIG="LAMOST J0",
            CRVAL1=3.8,
            CD1_1=1e-4,
            DC_FLAG=1,
            LMJD=59000,
            **IDENTITY,
        )
    )


def _desi() -> bytes:
    images = [
        fits.ImageHDU(data, name=name)
        for name, data in (
            ("R_WAVELENGTH", WAVE),
            ("R_FLUX", np.stack([FLUX, FLUX])),
            ("R_IVAR", np.ones((2, N))),
            ("R_MASK", np.zeros((2, N), np.int32)),
        )
    ]
    table = _table({"TARGETID": np.arange(2), "TARGET_RA": np.ones(2), "TARGET_DEC": np.ones(2)}, "FIBERMAP")
    return _file(_primary(), table, *images)


def _votable(fields: str, rows: str) -> bytes:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        + fields
        + '<PARAM name="RA" datatype="double" value="10.5" unit="deg"/><DATA><TABLEDATA>'
        + rows
        + "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def _votable_rows() -> bytes:
    fields = "".join(
        f'<FIELD name="{n}" datatype="double" unit="{u}"/>'
        for n, u in (("wavelength", "Angstrom"), ("flux", ""), ("error", ""))
    )
    return _votable(
        fields,
        "".join(
            f"<TR><TD>{w:.2f}</TD><TD>{f:.4f}</TD><TD>0.1</TD></TR>" for w, f in zip(WAVE, FLUX, strict=True)
        ),
    )


def _votable_cells() -> bytes:
    fields = "".join(f'<FIELD name="{n}" datatype="double" arraysize="*"/>' for n in ("wavelength", "flux"))
    cells = "".join(f"<TD>{' '.join(f'{x:.3f}' for x in values)}</TD>" for values in (WAVE, FLUX))
    return _votable(fields, f"<TR>{cells}</TR>")


def _text(separator: str, header: str = "", comma: bool = False) -> Make:
    def make() -> bytes:
        lines = [f"{w:.3f}{separator}{f:.5f}{separator}{0.01:.3f}" for w, f in zip(WAVE, FLUX, strict=True)]
        whole = header + "\n".join(lines) + "\n"
        return (whole.replace(".", ",") if comma else whole).encode()

    return make


_ECSV: Final = (
    "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wave, unit: nm, datatype: float64, description: air}\n"
    "# - {name: flux, datatype: float64}\n# - {name: err, datatype: float64}\nwave flux err\n"
)

KINDS: Final[dict[str, Make]] = {
    "lamost-image": _lamost_image,
    "lamost-table": lambda: _file(
        _primary(TELESCOP="LAMOST", OBSID=12, **IDENTITY),
        _table(
            {
                "FLUX": FLUX[None],
                "IVAR": FLUX[None],
                "WAVELENGTH": 10 ** LOG[None],
                "ANDMASK": FLUX[None] * 0,
            },
            "COADD",
        ),
    ),
    "image": lambda: _file(
        _primary(FLUX, CRVAL1=6400.0, CDELT1=1.2, CRPIX1=1.0, CTYPE1="AWAV", CUNIT1="Angstrom", **IDENTITY)
    ),
    "log-image": lambda: _file(_primary(FLUX, CRVAL1=3.8, CD1_1=1e-4, DC_FLAG=1, VACUUM=True, **IDENTITY)),
    "multispec": _multispec,
    "packed": lambda: _file(
        _primary(),
        fits.CompImageHDU(FLUX[None].astype("f4"), header=fits.Header({"CRVAL1": 6400.0, "CDELT1": 1.2})),
    ),
    "table": lambda: _file(
        _primary(**IDENTITY),
        _table({"WAVE": WAVE, "FLUX": FLUX, "ERR": FLUX * 0.01}, TUCD1="em.wl", VOCLASS="SPECTRUM"),
    ),
    "sdss": lambda: _file(
        _primary(TELESCOP="SDSS", PLUG_RA=1.0, PLUG_DEC=2.0, TAI=4458436689.7),
        _table({"flux": FLUX, "loglam": LOG, "ivar": FLUX, "and_mask": np.zeros(N, int)}, "COADD"),
    ),
    "rows": lambda: _file(
        _primary(),
        _table(
            {"NAME": np.array(["A", "B"]), "WAVE": np.stack([WAVE, WAVE]), "FLUX": np.stack([FLUX, FLUX])}
        ),
    ),
    "desi": _desi,
    "votable": _votable_rows,
    "votable-cells": _votable_cells,
    "csv": _text(
        ",", "# RA = '12:24:27.0' / x\n# DATE-OBS= '2019-12-29'\nwavelength [Angstrom],flux,error\n"
    ),
    "semicolon": _text(";", "wavelength;flux;error\n", comma=True),
    "blanks": _text(" "),
    "ecsv": _text(" ", _ECSV),
    "gzipped": lambda: gzip.compress(_lamost_image(), mtime=0),
}
"""One sound file of each kind."""

_SOUND: dict[str, bytes] = {}


def sound(kind: str) -> bytes:
    """Give the sound file of a kind."""
    if kind not in _SOUND:
        _SOUND[kind] = KINDS[kind]()
    return _SOUND[kind]


def mutated(number: int) -> tuple[str, bytes]:
    """Give the damaged file of that number, and its kind."""
    dice = random.Random(number)
    kind = list(KINDS)[number % len(KINDS)]
    content = bytearray(sound(kind))
    for _ in range(dice.choice([1, 1, 2, 4])):
        dice.choice(_WAYS[_family(bytes(content))])(content, dice)
    return kind, bytes(content)


def _family(content: bytes) -> str:
    if content.startswith(b"SIMPLE"):
        return "fits"
    return "gzip" if content.startswith(b"\x1f\x8b") else "xml" if content.startswith(b"<?xml") else "text"


def _bytes(content: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice([1, 10, 100])):
        if content:
            content[dice.randrange(min(len(content), dice.choice([3000, 10**7])))] = dice.randrange(256)


def _cut(content: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(content) + 1)
    del content[start : start + dice.choice([1, 80, 2880, 10**7])]


def _double(content: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(content) + 1)
    content[start:start] = content[start : start + dice.choice([1, 80, 2880])]


def _card(content: bytearray, dice: random.Random) -> None:
    """Give a card of a header another value."""
    cards = [at for at in range(0, min(len(content), 60_000), 80) if content[at + 8 : at + 10] == b"= "]
    if not cards:
        return
    at = dice.choice(cards)
    value = dice.choice(ODD_NUMBERS + ODD_WORDS)
    content[at + 10 : at + 80] = (
        (f"{value:>20}" if value[0] != "'" else f"{value:<20}").encode().ljust(70)[:70]
    )


def _key(content: bytearray, dice: random.Random) -> None:
    """Give a card another name, for instance one that matters."""
    cards = [at for at in range(80, min(len(content), 60_000), 80) if content[at + 8 : at + 10] == b"= "]
    if not cards:
        return
    names = (
        "NAXIS1",
        "NAXIS2",
        "TFIELDS",
        "PCOUNT",
        "BZERO",
        "BSCALE",
        "TNULL1",
        "TSCAL1",
        "TDIM1",
        "THEAP",
        "ZIMAGE",
        "EQUINOX",
        "RADESYS",
        "MJD-OBS",
        "CD1_1",
        "PC1_1",
        "DC-FLAG",
        "END",
        "CONTINUE",
        "EXTNAME",
        "ZNAXIS1",
    )
    at = dice.choice(cards)
    content[at : at + 8] = dice.choice(names).ljust(8).encode()


def _field(content: bytearray, dice: random.Random) -> None:
    """Replace a number of a text or an XML document."""
    numbers = list(re.finditer(rb"[-\d.]+", bytes(content)))
    if numbers:
        hit = dice.choice(numbers)
        content[hit.start() : hit.end()] = dice.choice(ODD_FIELDS + ODD_NUMBERS[:11]).encode()


def _words(content: bytearray, dice: random.Random) -> None:
    """Replace a word: a type, an array size, a unit, the name of a column."""
    words = list(re.finditer(rb"[A-Za-z]{2,}", bytes(content[:4000])))
    if words:
        hit = dice.choice(words)
        content[hit.start() : hit.end()] = dice.choice(
            [
                "double",
                "char",
                "boolean",
                "5x2",
                "*",
                "nm",
                "keV",
                "wavelength",
                "log10(Angstrom)",
                "BINARY2",
                "TABLE",
                "10x*",
            ]
        ).encode()


_WAYS: Final[dict[str, tuple[Callable[[bytearray, random.Random], None], ...]]] = {
    "fits": (_card, _card, _card, _key, _bytes, _cut, _double),
    "gzip": (_bytes, _cut, _double),
    "xml": (_field, _field, _words, _words, _bytes, _cut),
    "text": (_field, _field, _words, _bytes, _cut, _double),
}


def outcome(path: Path, between: tuple[float, float] | None = None) -> Spectrum | Reject | str:
    """Read a file thoroughly, or the part between two wavelengths; give what came of it."""
    began = time.process_time()
    try:
        found = read_or_reject(path) if between is None else read_part_or_reject(path, between=between)
    except Exception as error:  # noqa: BLE001  any other than ours is what is looked for
        return f"{type(error).__name__}: {error}"[:200]
    seconds = time.process_time() - began
    return found if seconds < SECONDS else f"{seconds:.1f} s"


def used() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.timeout(300 + COUNT // 5)
def test_damage_ends_in_a_spectrum_or_a_reason_soon_and_in_little_memory(tmp_path: Path) -> None:
    """Both readers, the same of both; ``make mutations`` tries 20 000."""
    path = tmp_path / "mutated"
    wrong: list[str] = []
    said: Counter[str] = Counter()
    for number in range(COUNT):
        kind, content = mutated(number)
        path.write_bytes(content)
        before = used()
        thorough, part = outcome(path), outcome(path, BETWEEN)
        grown = used() - before
        if isinstance(thorough, str) or isinstance(part, str) or grown > BYTES:
            wrong.append(f"{number} ({kind}): {thorough!r:.200} {part!r:.200} {grown / 1e6:.0f} MB")
        elif not alike(thorough, part):
            wrong.append(f"{number} ({kind}): the readers differ: {thorough!r:.200} {part!r:.200}")
        said["spectrum" if isinstance(thorough, Spectrum) else getattr(thorough, "code", "")] += 1
    assert not wrong, "\n".join([f"{len(wrong)} of {COUNT}", *wrong[:20]])
    assert said["spectrum"] > COUNT / 20
    assert len(said) >= 8  # the damage is of many kinds


def alike(thorough: Spectrum | Reject | str, part: Spectrum | Reject | str) -> bool:
    """Tell whether both readers say the same of a file."""
    if not isinstance(thorough, Spectrum) or not isinstance(part, Spectrum):
        return thorough == part
    low, high = np.searchsorted(thorough.wavelength_vac, BETWEEN)
    first, last = np.searchsorted(part.wavelength_vac, BETWEEN)
    same = thorough.flux[low:high].tobytes() == part.flux[first:last].tobytes()
    return same and thorough.identity == part.identity and thorough.coverage == part.coverage
