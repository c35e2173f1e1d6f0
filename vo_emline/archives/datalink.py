"""Service descriptors: how an answer says where its spectra can be had calibrated, cut out, converted.

DataLink 1.1, section 4; SODA 1.0, section 3. Archives that were built before these standards call the
processing service by the identifiers of its drafts, and describe a cut-out by two parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from astropy import units as u
from astropy.io.votable.tree import Param, Resource

from vo_emline.errors import UserError
from vo_emline.net.session import join_url
from vo_emline.net.votable import text_of

PROCESSING_IDS: Final = ("ivo://ivoa.net/std/soda#sync", "ivo://ivoa.net/std/ssdp#sync")
"""standardIDs of synchronous processing, lower case: SODA 1.0, and its draft (before 2015)."""

LINKS_IDS: Final = ("ivo://ivoa.net/std/datalink#links",)
"""Beginning of the standardIDs of {links} services, lower case, of any version."""

FITS_FORMATS: Final = ("application/fits", "image/fits", "application/x-fits", "fits")
"""Media types of FITS, in order of preference: first the table that is made to order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumRequest:
    """In which form a spectrum is wanted."""

    calibration: str | None = None
    """``FLUXCALIB``: ``normalized``, ``relative``, … in any case of letters; None for the service's own."""
    cutout: tuple[float, float] | None = None
    """First and last wavelength, Å, in the archive's medium (Ondřejov: air); None for all."""
    format: str = "application/fits"
    """Media type."""
    medium: Literal["air", "vacuum"] | None = None
    """Medium of the wavelengths, asked of services that offer the choice; None for the service's own."""

    def describe(self) -> str:
        """Say it in one line; two requests for the same thing give the same line."""
        cut = "" if self.cutout is None else f" BAND={self.cutout[0]:.3f}-{self.cutout[1]:.3f}A"
        medium = "" if self.medium is None else f" MEDIUM={self.medium}"
        return f"FORMAT={self.format} FLUXCALIB={(self.calibration or '').lower()}{cut}{medium}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One input of a service."""

    name: str
    unit: str = ""
    options: tuple[str, ...] = ()
    """The values it takes; empty where any will do."""
    value: str = ""
    """What the descriptor presets."""
    ref: str = ""
    """ID of the column that fills it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDescriptor:
    """A service that takes a publisher DID."""

    access_url: str
    standard_id: str = ""
    parameters: tuple[Parameter, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """Give the input called so (upper and lower case are one), or None."""
        return next((p for p in self.parameters if p.name.lower() == name.lower()), None)

    def url(self, publisher_did: str, request: SpectrumRequest) -> str:
        """Make the address of one spectrum in the form that is wanted.

        Raises
        ------
        UserError
            If the service does not offer that form; the message says what it offers.
        """
        inputs = {p.name: p.value for p in self.parameters if p.value and not p.ref}
        inputs |= self._calibration(request) | self._cutout(request) | self._format(request)
        inputs |= self._medium(request)
        named_id = self.parameter("ID") or Parameter(name="ID")
        return join_url(self.access_url, {named_id.name: publisher_did, **inputs})

    def _calibration(self, request: SpectrumRequest) -> dict[str, str]:
        if request.calibration is None:
            return {}
        parameter = self.parameter("FLUXCALIB")
        if parameter is None:
            raise UserError(f"{self.access_url} cannot recalibrate (no FLUXCALIB): leave the calibration out")
        return {parameter.name: self._choose(parameter, (request.calibration,))}

    def _format(self, request: SpectrumRequest) -> dict[str, str]:
        parameter = self.parameter("FORMAT") or self.parameter("RESPONSEFORMAT")
        if parameter is None:
            return {}
        wanted = FITS_FORMATS if request.format in FITS_FORMATS[:1] else (request.format,)
        return {parameter.name: self._choose(parameter, wanted)}

    def _medium(self, request: SpectrumRequest) -> dict[str, str]:
        parameter = self.parameter("MEDIUM")
        if request.medium is None or parameter is None:
            return {}  # the file itself says which medium it is in
        return {parameter.name: self._choose(parameter, (request.medium,))}

    def _choose(self, parameter: Parameter, wanted: Iterable[str]) -> str:
        """Spell the first wanted value as the service does."""
        offered = {option.lower(): option for option in parameter.options}
        wanted = tuple(wanted)
        if not offered:
            return wanted[0]
        for value in wanted:
            if value.lower() in offered:
                return offered[value.lower()]
        choices = ", ".join(parameter.options)
        raise UserError(f"{self.access_url} offers {parameter.name} = {choices}; not {wanted[0]!r}")

    def _cutout(self, request: SpectrumRequest) -> dict[str, str]:
        if request.cutout is None:
            return {}
        band, low, high = (self.parameter(name) for name in ("BAND", "LAMBDA_MIN", "LAMBDA_MAX"))
        if band is not None:
            return {band.name: " ".join(_in_unit(edge, band) for edge in request.cutout)}
        if low is not None and high is not None:
            edges = zip((low, high), request.cutout, strict=True)
            return {parameter.name: _in_unit(edge, parameter) for parameter, edge in edges}
        raise UserError(f"{self.access_url} cannot cut out (no BAND, LAMBDA_MIN): leave the cut-out away")


def find_descriptor(resources: Iterable[Resource]) -> ServiceDescriptor | None:
    """Find the processing service that an answer describes; None where it describes none."""
    return _find_service(resources, PROCESSING_IDS)


def find_links(resources: Iterable[Resource]) -> ServiceDescriptor | None:
    """Find the {links} service that an answer describes; None where it describes none."""
    return _find_service(resources, LINKS_IDS)


def _find_service(resources: Iterable[Resource], standard_ids: tuple[str, ...]) -> ServiceDescriptor | None:
    described = [_read_descriptor(resource) for resource in resources if resource.utype == "adhoc:service"]
    for standard_id in standard_ids:
        for descriptor in described:
            if descriptor.access_url and descriptor.standard_id.lower().startswith(standard_id):
                return descriptor
    return None


def _read_descriptor(resource: Resource) -> ServiceDescriptor:
    outer = {str(param.name).lower(): text_of(param.value) for param in resource.params}
    groups = [group for group in resource.groups if group.name == "inputParams"]
    inputs = [entry for group in groups for entry in group.entries if isinstance(entry, Param)]
    return ServiceDescriptor(
        access_url=outer.get("accessurl", ""),
        standard_id=outer.get("standardid", ""),
        parameters=tuple(_read_parameter(param) for param in inputs),
    )


def _read_parameter(param: Param) -> Parameter:
    return Parameter(
        name=str(param.name),
        unit=str(param.unit or ""),
        options=tuple(str(value) for _, value in param.values.options),
        value=_preset(param.value),
        ref=str(param.ref or ""),
    )


def _preset(value: Any) -> str:
    """Give a preset value as text; the reader's zeros for "nothing preset" are none."""
    if isinstance(value, str):
        return value
    parts = [str(part) for part in getattr(value, "flat", [value]) if part]
    return " ".join(parts)


def _in_unit(angstrom: float, parameter: Parameter) -> str:
    """Write a wavelength in the parameter's unit (SODA 1.0, section 3.3.4: m unless declared)."""
    return f"{(angstrom * u.AA).to_value(u.Unit(parameter.unit or 'm'), u.spectral()):.10g}"
