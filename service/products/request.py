"""What a user asks of a spectrum: the parameters of ``/spectrum``, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from service.parameters import Parameters
from service.products.calibration import FluxCalibration
from service.products.formats import Format, find_format
from vo_emline.errors import UserError
from vo_emline.spectra import Medium

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
