"""What a user asks of a spectrum: the parameters of ``/spectrum`` and the formats, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from service.parameters import Parameters
from service.products.calibration import FluxCalibration
from vo_emline.errors import UserError
from vo_emline.spectra import Medium


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of spectra."""

    name: str
    """Short name (``votable``)."""
    media_type: str
    """Content type of the answer and value of FORMAT."""
    suffix: str
    """Suffix of the file name suggested to browsers, with its dot."""
    title: str
    """What it is, for people."""
    aliases: tuple[str, ...] = ()
    """Further values of FORMAT that mean the same, lower case."""


VOTABLE: Final = Format(
    name="votable", media_type="application/x-votable+xml", suffix=".vot",
    title="VOTable, binary encoding, IVOA spectrum data model",
    aliases=("compliant", "text/xml", "text/xml;x-votable", "spectrum/votable", "votable/b2", "xml"),
)  # fmt: skip

TABLEDATA: Final = Format(
    name="tabledata", media_type="application/x-votable+xml;serialization=tabledata", suffix=".vot",
    title="VOTable, tabledata encoding, IVOA spectrum data model",
    aliases=("votable/td", "votabletd", "application/x-votable+xml;encoding=tabledata"),
)  # fmt: skip

FITS: Final = Format(
    name="fits", media_type="application/fits", suffix=".fits", title="FITS binary table",
    aliases=("spectrum/fits", "fits-table"),
)  # fmt: skip

CSV: Final = Format(
    name="csv", media_type="text/csv", suffix=".csv", title="Comma separated values", aliases=()
)  # fmt: skip

TSV: Final = Format(
    name="tsv", media_type="text/plain", suffix=".txt", title="Tab separated values",
    aliases=("text/tab-separated-values", "txt"),
)  # fmt: skip

ECSV: Final = Format(
    name="ecsv", media_type="text/x-ecsv", suffix=".ecsv",
    title="Enhanced character separated values with units and metadata", aliases=("text/ecsv",),
)  # fmt: skip

NATIVE: Final = Format(
    name="native", media_type="application/octet-stream", suffix="", title="Original file",
    aliases=("image/fits", "original"),
)  # fmt: skip

FORMATS: Final = (VOTABLE, TABLEDATA, FITS, CSV, TSV, ECSV, NATIVE)
"""All formats; the first is the default."""


def find_format(text: str) -> Format:
    """Give the format that a value of FORMAT names; empty for the default.

    Raises
    ------
    UserError
        There is no such format.
    """
    wanted = text.lower().replace(" ", "")
    if not wanted:
        return FORMATS[0]
    for item in FORMATS:
        if wanted in (item.name, item.media_type, *item.aliases):
            return item
    choices = ", ".join(item.media_type for item in FORMATS[:-1])
    raise UserError(f"UsageFault: FORMAT={text[:80]} is not offered; there are {choices}, native")


MEDIA: Final[tuple[Medium, ...]] = ("vacuum", "air")
"""Values of MEDIUM; the first is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumRequest:
    """A checked request for one spectrum."""

    did: str
    """Publisher DID."""
    format: Format
    band: tuple[float, float] | None = None
    """Vacuum wavelengths of the cut-out, Å; an end may be infinite; None for all."""
    calibration: FluxCalibration = FluxCalibration.UNCALIBRATED
    medium: Medium = "vacuum"
    """Medium of the wavelengths in the answer."""
    processed: bool = False
    """Whether a cut-out, FLUXCALIB or MEDIUM was asked for."""


def parse_request(parameters: Parameters) -> SpectrumRequest:
    """Check the parameters of a request (SODA 1.0, sections 3 and 5.3).

    Parameters
    ----------
    parameters
        BAND is two numbers or ``min/max`` in m (vacuum); the older
        ``LAMBDA_MIN`` and ``LAMBDA_MAX`` of the archive of Ondřejov are
        understood too. Unknown names are ignored (DALI 1.1, section 2.4).

    Raises
    ------
    UserError
        A parameter is missing, repeated or makes no sense; the message begins
        with the fault SODA names.
    """
    did = _single(parameters, "ID")
    if not did:
        raise UserError("UsageFault: ID is missing: name the publisher DID of one spectrum")
    band = _band(parameters)
    return SpectrumRequest(
        did=did,
        format=find_format(_single(parameters, "FORMAT") or _single(parameters, "RESPONSEFORMAT")),
        band=band,
        calibration=_calibration(_single(parameters, "FLUXCALIB")),
        medium=_medium(_single(parameters, "MEDIUM")),
        processed=band is not None or "FLUXCALIB" in parameters or "MEDIUM" in parameters,
    )


def _single(parameters: Parameters, name: str) -> str:
    distinct = {value.strip() for value in parameters.all(name)}
    if len(distinct) > 1:
        raise UserError(f"MultiValuedParamNotSupported: {name} may be given once")
    return distinct.pop() if distinct else ""


def _calibration(text: str) -> FluxCalibration:
    for value in FluxCalibration:
        if text.lower() == value.lower():
            return value
    if text:
        raise UserError(f"UsageFault: FLUXCALIB={text[:80]} is not one of {', '.join(FluxCalibration)}")
    return FluxCalibration.UNCALIBRATED


def _medium(text: str) -> Medium:
    for value in MEDIA:
        if text.lower() == value:
            return value
    if text:
        raise UserError(f"UsageFault: MEDIUM={text[:80]} is not one of {', '.join(MEDIA)}")
    return MEDIA[0]


def _band(parameters: Parameters) -> tuple[float, float] | None:
    text = _single(parameters, "BAND")
    first, last = _single(parameters, "LAMBDA_MIN"), _single(parameters, "LAMBDA_MAX")
    if text:
        low, high = _interval(text)
    elif first or last:
        low, high = _wavelength(first or "-Inf"), _wavelength(last or "+Inf")
    else:
        return None
    if math.isnan(low + high) or (low == -math.inf and high == math.inf):
        return None  # the empty interval and the whole one, as clients write a parameter nobody has set
    if low > high:
        raise UserError(f"UsageFault: BAND begins at {low:g} m, after its end at {high:g} m")
    return low * 1e10, high * 1e10


def _interval(text: str) -> tuple[float, float]:
    """Read ``min max`` (DALI 1.1, section 3.3.5) or ``min/max``; an end left empty is open."""
    ends = text.split("/") if "/" in text else text.split()
    if len(ends) != 2:
        raise UserError(f"UsageFault: BAND={text[:80]} is not two wavelengths in m, such as 6.5e-7 6.6e-7")
    return _wavelength(ends[0].strip() or "-Inf"), _wavelength(ends[1].strip() or "+Inf")


def _wavelength(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"UsageFault: {text[:80]} is not a wavelength in m") from None
