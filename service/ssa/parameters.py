"""The parameters of SSA queries: what each means, and the condition it makes (SSA 1.1, section 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.parameters import read_number
from service.ssa.columns import APERTURE_SQL, CALIBRATION_SQL, CALIBRATIONS
from service.ssa.conditions import Condition, contains_one_of, one_of, overlaps, within
from service.ssa.values import parse_ranges, read_band, read_time, split_qualifier, split_values
from vo_emline.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a query."""

    name: str
    description: str
    unit: str | None = None
    ucd: str | None = None
    condition: Callable[[str], Condition] | None = None
    """Makes a condition of its value; None for those that act otherwise or not at all."""


def _band(text: str) -> Condition:
    values, _ = split_qualifier("BAND", text, allowed=("observer",))
    return overlaps("band", parse_ranges("BAND", values, read=read_band), low="wave_min", high="wave_max")


def _time(text: str) -> Condition:
    ranges = parse_ranges("TIME", text, read=read_time)
    stop = "(start_mjd + coalesce(exposure_s, 0) / 86400)"
    return overlaps("time", ranges, low="start_mjd", high=stop)


def _mtime(text: str) -> Condition:
    return within("mtime", parse_ranges("MTIME", text, read=read_time), value="published_mjd")


def _at_least(name: str, value: str) -> Callable[[str], Condition]:
    """Make conditions of a list where a single number means *at least* that."""

    def condition(text: str) -> Condition:
        ranges = parse_ranges(name, text, read=lambda item: (read_number(name, item),) * 2)
        open_ended = [(low, None if low == high else high) for low, high in ranges]
        return within(name.lower(), open_ended, value=value)

    return condition


def _resolution(text: str) -> Condition:
    """Make a condition of SPATRES, where a single number means *at most* that."""
    ranges = parse_ranges("SPATRES", text, read=lambda item: (read_number("SPATRES", item),) * 2)
    open_ended = [(None if low == high else low, high) for low, high in ranges]
    return within("spatres", open_ended, value=APERTURE_SQL)


def _target(text: str) -> Condition:
    names = [item.replace(" ", "").lower() for item in split_values("TARGETNAME", text) if item]
    return one_of("targetname", names, value="replace(lower(target_name), ' ', '')")


def _collection(text: str) -> Condition:
    names = [item.strip().lower() for item in split_values("COLLECTION", text) if item]
    return contains_one_of("collection", names, value="lower(collection)")


def _publisher_did(text: str) -> Condition:
    return one_of("pubdid", [text.strip()], value="obs_publisher_did")


def _creator_did(text: str) -> Condition:
    return Condition("$creatordid IS NULL", {"creatordid": text})


def _target_class(text: str) -> Condition:
    names = [item.strip().lower() for item in split_values("TARGETCLASS", text) if item]
    return one_of("targetclass", names, value="lower(spectral_class)")


def _flux_calibration(text: str) -> Condition:
    wanted = text.strip().upper()
    if wanted == "ANY":
        return Condition("true")
    if wanted not in CALIBRATIONS:
        raise UserError(f"FLUXCALIB={text[:80]} is not one of any, {', '.join(CALIBRATIONS).lower()}")
    return one_of("fluxcalib", [wanted], value=f"({CALIBRATION_SQL})")


PARAMETERS: Final = (
    Parameter(name="REQUEST", description="What is wanted: queryData"),
    Parameter(name="POS", unit="deg", ucd="pos.eq",
              description="Position ra,dec; after ; the frame where it is not ICRS: FK5, FK4 or GALACTIC"),
    Parameter(name="SIZE", unit="deg", ucd="phys.angSize",
              description="Diameter of the circle around POS; two minutes of arc where not given"),
    Parameter(name="BAND", unit="m", ucd="em.wl", condition=_band,
              description="Wavelengths in vacuum, ranges of them, or names of bands (V, optical, h-alpha)"),
    Parameter(name="TIME", ucd="time", condition=_time,
              description="Dates, UTC, or ranges of them (2012, 2012-05-31, 2012-05-31T20:15:00/)"),
    Parameter(name="FORMAT", ucd="meta.code.mime",
              description="compliant, votable, fits, native, graphic, all, media types, or metadata"),
    Parameter(name="TARGETNAME", ucd="meta.id;src", condition=_target,
              description="Names of targets; case and spaces do not matter"),
    Parameter(name="TARGETCLASS", ucd="src.class", condition=_target_class,
              description="Class by the survey's pipeline (STAR, GALAXY, ...)"),
    Parameter(name="COLLECTION", ucd="meta.id", condition=_collection,
              description="Parts of the name of the survey or instrument"),
    Parameter(name="PUBDID", ucd="meta.ref.ivoid", condition=_publisher_did,
              description="Publisher dataset identifier"),
    Parameter(name="CREATORDID", ucd="meta.id", condition=_creator_did,
              description="Identifier given by the creator; no spectrum has one"),
    Parameter(name="SPECRP", ucd="spect.resolution", condition=_at_least("SPECRP", "resolving_power"),
              description="Resolving power, at least, or ranges"),
    Parameter(name="SPATRES", unit="deg", ucd="pos.angResolution", condition=_resolution,
              description="Spatial resolution, at most, or ranges"),
    Parameter(name="SNR", ucd="stat.snr", condition=_at_least("SNR", "snr_r"),
              description="Signal-to-noise ratio per pixel in r, at least, or ranges"),
    Parameter(name="FLUXCALIB", ucd="meta.code.qual", condition=_flux_calibration,
              description="Calibration of the flux: any, normalized, relative, uncalibrated"),
    Parameter(name="MTIME", ucd="time", condition=_mtime,
              description="Dates of the release, UTC, or ranges of them"),
    Parameter(name="TOP", description="Rows wanted, best first"),
    Parameter(name="MAXREC", description="Rows at most; where there are more the answer says OVERFLOW"),
    Parameter(name="COMPRESS", description="Accepted; spectra are not compressed"),
    Parameter(name="RUNID", description="Accepted and logged"),
)  # fmt: skip
"""All parameters, in the order of the description of the service."""
