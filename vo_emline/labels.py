"""The three classes at Hα, the profiles that people tell apart, and the codes of the Ondřejov labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LABELS: Final = ("absorption", "emission", "double-peak")
"""Class names in the order of the network's outputs (softmax index 0, 1, 2)."""

ABSORPTION, EMISSION, DOUBLE_PEAK = range(len(LABELS))

PROBABILITY_COLUMNS: Final = ("p_absorption", "p_emission", "p_double_peak")
"""Column names of the class probabilities, in the order of :data:`LABELS`."""

ONDREJOV_CODES: Final = {0: "emission", 1: "absorption", 2: "unknown", 3: "double-peak"}
"""Integer codes of the published Ondřejov labels (Podsztavek 2017, thesis, ``ondrejov-dataset.csv``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a person may call a spectrum, and what that means elsewhere."""

    name: str
    """In the log, in files, in programs."""
    title: str
    """For people."""
    key: str
    """The digit that chooses it."""
    label: str | None
    """The class of :data:`LABELS` that a network is taught; None where it is to learn nothing of it."""
    emission: bool | None
    """Whether an audit counts it as an emission-line star; None where it counts as not seen."""
    types: tuple[str, ...] = ()
    """The types of the column ``profile`` of the catalogue (:mod:`vo_emline.measure.types`) that it is."""


PROFILES: Final = (
    Profile(name="absorption", title="absorption", key="1", label="absorption", emission=False),
    Profile(name="emission", title="emission", key="2", label="emission", emission=True,
            types=("single", "broad")),
    Profile(name="double-peak", title="double peak", key="3", label="double-peak", emission=True,
            types=("double", "double-in-absorption")),
    Profile(name="emission-in-absorption", title="emission in absorption", key="4", label="emission",
            emission=True, types=("single-in-absorption", "filled")),
    Profile(name="p-cygni", title="P Cygni", key="5", label="emission", emission=True,
            types=("p-cygni", "inverse-p-cygni")),
    Profile(name="nebular", title="nebular", key="6", label=None, emission=False),
    Profile(name="artefact", title="artefact", key="7", label=None, emission=False),
    Profile(name="other", title="other", key="8", label=None, emission=None),
    Profile(name="cannot-tell", title="cannot tell", key="9", label=None, emission=None),
)  # fmt: skip
"""What people tell apart, in the order of the keys 1–9. A nebula's light and an artefact are no star's
emission, so an audit counts them against the catalogue; a network is taught neither, since the first does
look like emission and the second like anything."""

BY_PROFILE: Final = {profile.name: profile for profile in PROFILES}
"""The same by name."""

UNKNOWN: Final = "unknown"
"""Word of label files for spectra whose class the person could not tell."""

_WORDS: Final = (
    {kind: profile.name for profile in PROFILES for kind in profile.types}
    | {profile.name: profile.name for profile in PROFILES}
    | {UNKNOWN: "cannot-tell"}
)


def parse_profile(text: str) -> str | None:
    """Give the profile that a cell of a table means, None when it means none.

    Names and types of :data:`PROFILES` count, ``unknown`` and the Ondřejov codes; case, blanks and
    underscores do not matter.

    >>> parse_profile("P Cygni"), parse_profile("double_peak"), parse_profile("2"), parse_profile("nova")
    ('p-cygni', 'double-peak', 'cannot-tell', None)
    """
    word = re.sub(r"[\s_-]+", "-", text.strip().lower())
    return _WORDS.get(ONDREJOV_CODES.get(int(word), "") if re.fullmatch(r"[0-9]+", word) else word)
