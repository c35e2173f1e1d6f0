"""What numbers about an observation can be: one place for all readers and all surveys.

A header may say anything: ``DEC = 99``, a right ascension of 1257°, an
identifier beyond 64 bits. Such a number is *unknown* (None), the spectrum
stays, and :data:`~vo_emline.spectra.spectrum.READ_FLAGS` has a flag that says
so. :class:`~vo_emline.spectra.spectrum.Identity` asks here whenever one is made,
so that nothing behind the readers ever meets an impossible value.
"""

from __future__ import annotations

from typing import Final

RANGES: Final[dict[str, tuple[float, float]]] = {
    "ra": (0.0, 360.0),
    "dec": (-90.0, 90.0),
    "epoch_mjd": (-36_000.0, 110_000.0),  # 1760 to 2160
    "exposure_s": (0.0, 1e8),
    "redshift": (-1.0, 30.0),
    "snr_r": (-1e3, 1e6),
    "obsid": (0, 2**63 - 1),  # a 64-bit integer in every table format
    "lmjd": (0, 110_000),
    "spid": (0, 2**31 - 1),
    "fiberid": (0, 2**31 - 1),
}
"""Lowest and highest value that is believed, by field of the identity, in its unit; both are allowed."""

LONGEST_TEXT: Final = 300
"""Characters of a name that are kept."""

_LIMITS: Final = tuple((name, *limits) for name, limits in RANGES.items())


def impossible(identity: object) -> list[str]:
    """Name the numbers of an identity that are outside of their range, NaN among them."""
    return [
        name
        for name, low, high in _LIMITS
        if (value := getattr(identity, name)) is not None and not low <= value <= high
    ]


def clean_text(text: str) -> str:
    """Cut a name to a length that tables bear, without characters that no table or document may hold.

    Control characters and halves of surrogate pairs are refused by XML and by
    UTF-8; a header that was damaged holds them.
    """
    return "".join(c for c in text if c.isprintable())[:LONGEST_TEXT]
