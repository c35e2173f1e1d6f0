"""Files as programs and archives of others write them: the line is where it belongs, or it is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from vo_emline.errors import DataError
from vo_emline.spectra import HALPHA_AIR, HALPHA_VAC, Spectrum, read_bytes

WAVE = 6400.0 + 0.5 * np.arange(801)
BAD = np.arange(801) % 10 == 0


def star(wavelength: Any, centre: float) -> Any:
    """A line at `centre` in whichever medium."""
    return 1 + 2 * np.exp(-0.5 * ((wavelength - centre) / 3) ** 2) + 0.01 * np.sin(wavelength * 7)


AIR, VAC = star(WAVE, HALPHA_AIR), star(WAVE, HALPHA_VAC)


def read(content: bytes | str) -> Spectrum:
    return read_bytes(content.encode() if isinstance(content, str) else content, source="x")


def written(*hdus: Any) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def image(flux: Any, **cards: Any) -> bytes:
    """An image of 0.5 Å per pixel from 6400 Å on, but for what `cards` say."""
    said = {"CRVAL1": 6400.0, "CDELT1": 0.5, "CRPIX1": 1.0, "CUNIT1": "Angstrom"} | cards
    header = fits.Header({key.replace("__", "-"): value for key, value in said.items()})
    return written(fits.PrimaryHDU(np.asarray(flux, dtype=np.float32), header=header))


def table(columns: dict[str, Any], primary: dict[str, Any] | None = None, **cards: Any) -> bytes:
    made = []
    for name, values in columns.items():
        form = {"f": "D", "i": "J", "b": "L"}[values.dtype.kind]
        made.append(fits.Column(name, f"{values.shape[1]}{form}" if values.ndim > 1 else form, array=values))
    hdu = fits.BinTableHDU.from_columns(made)
    hdu.header.update({key.replace("__", "-"): value for key, value in cards.items()})
    return written(fits.PrimaryHDU(header=fits.Header(primary or {})), hdu)


def text(line: Callable[[float, float], str], head: str = "", wave: Any = WAVE, flux: Any = AIR) -> str:
    return head + "".join(line(w, f) + "\n" for w, f in zip(wave, flux, strict=True))


def plain(w: float, f: float) -> str:
    return f"{w:.3f} {f:.5f}"


BANDS = np.stack([AIR, AIR * 0.9, AIR * 0 + 0.5, AIR * 0 + 0.01])[:, None]
LN = np.log(6400) + 7e-5 * np.arange(900)

LINES: dict[str, Callable[[], bytes | str]] = {
    "reference pixel amid": lambda: image(AIR, CRVAL1=6600.0, CRPIX1=401.0, CTYPE1="AWAV"),
    "nanometres": lambda: image(AIR, CRVAL1=640.0, CDELT1=0.05, CUNIT1="nm", CTYPE1="AWAV"),
    "metres": lambda: image(VAC, CRVAL1=6.4e-7, CDELT1=5e-11, CUNIT1="m", CTYPE1="WAVE"),
    "descending": lambda: image(AIR[::-1], CRVAL1=6800.0, CDELT1=-0.5, CTYPE1="AWAV"),
    "natural logarithm": lambda: image(
        star(np.exp(LN), HALPHA_VAC), CRVAL1=LN[0], CDELT1=7e-5, CTYPE1="WAVE-LOG"
    ),
    "no step but a matrix": lambda: image(AIR, CDELT1=0.0, CD1_1=0.5, CTYPE1="AWAV"),
    "bands of IRAF": lambda: image(BANDS, CTYPE1="LINEAR", BANDID1="spectrum", BANDID4="sigma"),
    "vacuum as a number": lambda: image(VAC, VACUUM=1),
    "medium as a word": lambda: image(VAC, WAVEMED="VACUUM"),
    "history of a conversion": lambda: image(VAC, HISTORY="airtovac: wavelengths converted to vacuum"),
    "a conversion that was not made": lambda: image(AIR, COMMENT="wavelengths not converted to vacuum"),
    "unit in the plural": lambda: image(AIR, CTYPE1="LAMBDA", CUNIT1="Angstroms"),
    "column of vacuum": lambda: table({"wave_vac": WAVE, "flux": VAC}),
    "specutils": lambda: table({"spectral_axis": WAVE, "flux": AIR, "uncertainty": AIR * 0 + 0.01}),
    "ESO in air": lambda: table(
        {"WAVE": WAVE[None], "FLUX": AIR[None], "ERR": AIR[None] * 0.01},
        {"ORIGIN": "ESO"}, VOCLASS="SPECTRUM V2.0", TUCD1="em.wl;obs.atmos",
    ),
    "iSpec": lambda: text(lambda w, f: f"{w / 10:.5f}\t{f:.5f}\t0.01", "waveobs\tflux\terr\n"),
    "pipes": lambda: text(lambda w, f: f"|{w:.3f}|{f:.5f}|", "|wave|flux|\n"),
    "slashes": lambda: text(plain, "// observed at home\n"),
    "micrometres": lambda: text(lambda w, f: f"{w / 1e4:.7f},{f:.5f}", "Wavelength (µm),Flux\n"),
    "ten to the minus ten": lambda: text(lambda w, f: f"{w:.3f},{f:.5f}", "wavelength [1e-10 m],flux\n"),
    "flux first": lambda: text(lambda w, f: f"{f:.5f},{w:.3f}", "flux,wavelength\n"),
    "a sky beside the flux": lambda: text(lambda w, f: f"{w:.3f},5.0,{f:.5f}", "lambda,sky,flux\n"),
    "decimal commas and tabulators": lambda: text(lambda w, f: f"{w:.3f}\t{f:.5f}".replace(".", ",")),
    "text that denies a conversion": lambda: text(plain, "# wavelengths not converted to vacuum\n"),
    "German": lambda: text(
        lambda w, f: f"{w:.2f};{f:.5f}".replace(".", ","), "Wellenlänge [Å];Intensität\n"
    ),
    "French": lambda: text(
        lambda w, f: f"{w / 10:.3f};{f:.5f}".replace(".", ","), "Longueur d'onde (nm);Intensité\n"
    ),
    "numbered rows": lambda: text(lambda w, f: f"{int(w * 2)},{w:.3f},{f:.5f}", ",wavelength,flux\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LINES)
def test_the_line_is_where_it_belongs(kind: str) -> None:
    spectrum = read(LINES[kind]())
    excess = np.where(spectrum.mask, 0, spectrum.flux - np.median(spectrum.flux))
    high = np.abs(spectrum.wavelength_vac - spectrum.wavelength_vac[excess.argmax()]) < 12
    centre = (spectrum.wavelength_vac[high] * excess[high]).sum() / excess[high].sum()
    assert abs(centre - HALPHA_VAC) < 0.3


@pytest.mark.parametrize(
    "content",
    [
        image(AIR, CTYPE1="VELO", CUNIT1="km/s", CRVAL1=-7438.0, CDELT1=22.84),
        text(lambda w, f: f"{(w / HALPHA_AIR - 1) * 299792.458:.2f},{f:.5f}", "velocity (km/s),flux\n"),
        text(lambda w, f: f"{12398.42 / w:.6f},{f:.5f}", "energy (eV),flux\n"),
        table({"WAVE": WAVE[None], "FLUX": AIR[None], "IVAR": AIR[None, :700]}),
        table({"WAVE": np.stack([WAVE, WAVE]), "FLUX": np.stack([AIR, AIR])}),
    ],
    ids=["velocities", "text of velocities", "energies", "errors of another length", "two rows"],
)
def test_what_cannot_be_told_is_refused(content: bytes | str) -> None:
    with pytest.raises(DataError):
        read(content)


@pytest.mark.parametrize(
    ("content", "good", "flag"),
    [
        (
            table(
                {"WAVE": WAVE, "FLUX": VAC, "QUAL": BAD.astype("i4")},
                {"ORIGIN": "ESO"}, VOCLASS="SPECTRUM V2.0", TUCD1="em.wl",
            ), 720, None,
        ),
        (
            table(
                {"wave": WAVE, "flux": VAC, "ivar": VAC, "mask": (~BAD).astype("i4")},
                {"PYP_SPEC": "keck_lris"}, DMODCLS="OneSpec",
            ), 720, None,
        ),
        (
            table(
                {"OPT_WAVE": WAVE, "OPT_COUNTS": VAC, "OPT_COUNTS_IVAR": VAC, "OPT_MASK": ~BAD},
                {"PYP_SPEC": "keck_lris"}, DMODCLS="SpecObj",
            ), 720, None,
        ),
        (table({"WAVE": WAVE, "FLUX": AIR, "MASK": 4 * BAD.astype("i4")}), 801, "mask_unknown"),
    ],
    ids=["ESO: 0 is good", "PypeIt: 1 is good", "PypeIt, one exposure: true is good", "unknown"],
)  # fmt: skip
def test_masks_mean_what_their_survey_says(content: bytes, good: int, flag: str | None) -> None:
    spectrum = read(content)
    assert (~spectrum.mask).sum() == good
    assert flag is None or flag in spectrum.flags


def test_nowhere_and_the_centre_of_a_plate_are_no_position() -> None:
    nowhere = read(image(AIR, RA=0.0, DEC=0.0)).identity
    assert (nowhere.ra, nowhere.dec) == (None, None)
    plate = {"TELESCOP": "SDSS 2.5-M", "RA": 99.0, "DEC": 50.0}
    loglam = np.log10(6400) + 1e-4 * np.arange(300)
    columns = {"flux": star(10**loglam, HALPHA_VAC), "loglam": loglam, "ivar": loglam}
    assert read(table(columns, plate)).identity.ra is None
    target = {"PLUG_RA": 10.0, "PLUG_DEC": 20.0}
    assert read(table(columns, plate | target)).identity.ra == 10.0


def test_fluxes_of_eso_are_known_by_the_step_of_the_reduction_too() -> None:
    columns = {"WAVE": WAVE, "FLUX_REDUCED": AIR, "ERR_REDUCED": 0.01 * AIR, "BGFLUX_REDUCED": 0 * AIR}
    spectrum = read(table(columns, {"ORIGIN": "ESO"}, VOCLASS="SPECTRUM V2.0", TUCD1="em.wl;obs.atmos"))
    assert spectrum.identity.survey == "ESO"
    assert spectrum.wavelength_vac[np.argmax(spectrum.flux)] == pytest.approx(HALPHA_VAC, abs=0.5)
    assert spectrum.ivar is not None


def test_wavelengths_above_the_air_are_in_vacuum() -> None:
    columns = {"WAVELENGTH": WAVE[None], "FLUX": VAC[None], "ERROR": 0.01 * VAC[None]}
    who = {"TELESCOP": "HST", "RA_TARG": 10.0, "DEC_TARG": 5.0, "TARGNAME": "gam Cas"}
    spectrum = read(table(columns, who))
    assert (spectrum.medium, spectrum.flags) == ("vacuum", ())
    assert (spectrum.identity.ra, spectrum.identity.object_name) == (10.0, "gam Cas")


@pytest.mark.parametrize("size", ["", " 801 5\n"])
def test_text_of_espadons_and_narval(size: str) -> None:
    head = f"*** Reduced spectrum of 'gam Cas   '\n{size}"
    spectrum = read(text(lambda w, f: f"  {w / 10:9.4f} {f:11.4e} 1e-3 1e-3 1e-3 1.0e-02", head))
    assert len(spectrum.flux) == 801
    assert spectrum.wavelength_vac[np.argmax(spectrum.flux)] == pytest.approx(HALPHA_VAC, abs=0.5)
