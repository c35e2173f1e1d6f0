"""Short names of spectra: what files, identifiers and labels of the same spectrum have in common."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from vo_emline.spectra.lists import PACKED, SUFFIXES


def _any_of(suffixes: tuple[str, ...]) -> str:
    return "|".join(suffix.removeprefix(".") for suffix in suffixes)


SUFFIX: Final = rf"(\.({_any_of(SUFFIXES)}))?(\.({_any_of(PACKED)}))?$"
"""What names of files end in that says nothing of the spectrum; a pattern for Python and for databases."""

UNSAFE: Final = r"[^A-Za-z0-9_.-]+"
"""What a part of an identifier cannot hold; a pattern likewise."""


def stem(source: str) -> str:
    """Give the file name without its suffixes, safe inside an identifier.

    >>> stem("data/UC050029.fits.gz"), stem("stars.fits#row=2")
    ('UC050029', 'stars.fits-row-2')
    """
    return re.sub(UNSAFE, "-", re.sub(SUFFIX, "", PurePath(source).name, flags=re.IGNORECASE)) or "spectrum"


def short_name(name: str) -> str:
    """Give what a publisher DID and a file of the same spectrum have in common.

    >>> short_name("ivo://asu.cas.cz/stel/ccd700/uc050029"), short_name("data/UC050029.fits.gz")
    ('uc050029', 'uc050029')
    """
    return re.sub(SUFFIX, "", re.split(r"[/?]", name.strip())[-1], flags=re.IGNORECASE).lower()
