"""Who made a release, under which licence, and how it is cited: facts of its metadata, for every answer.

The operator says them once, when the release is published; VOTables tell them by the names of the IVOA note
*Data Origin in the VO* (1.1), FITS and Parquet files, pages and registry records take them from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PLACEHOLDER: Final = "x-"
"""Authorities that begin so are nobody's (IVOA Identifiers 2.0, section 2.3.1): they cannot be registered."""

METHOD: Final = "2020A&A...643A.122S"
"""Bibcode of the article about the method: Škoda, Podsztavek & Tvrdík 2020."""

_LICENCES: Final[Mapping[str, str]] = {
    "CC0-1.0": "https://spdx.org/licenses/CC0-1.0.html",
    "CC-BY-4.0": "https://spdx.org/licenses/CC-BY-4.0.html",
    "CC-BY-SA-4.0": "https://spdx.org/licenses/CC-BY-SA-4.0.html",
    "CC-BY-NC-4.0": "https://spdx.org/licenses/CC-BY-NC-4.0.html",
    "ODbL-1.0": "https://spdx.org/licenses/ODbL-1.0.html",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What a release says of itself; texts are empty where nobody said it."""

    creators: tuple[str, ...] = ()
    """Who made it, the first first."""
    licence: str = ""
    """Licence of the data: an identifier of SPDX (``CC-BY-4.0``), or an address."""
    doi: str = ""
    """Digital object identifier, without ``doi:`` or the address of a resolver."""
    data_release: str = ""
    """Name of this release (``DR2``)."""
    published: str = ""
    """When it was made, ISO 8601, UTC."""
    authority: str = ""
    """Authority of its publisher identifiers."""
    software: str = ""
    """Program and version that made it."""
    model_version: str = ""
    run_id: str = ""
    surveys: str = ""
    """Surveys and instruments of its spectra, with their releases."""
    known_in: str = ""
    """Catalogues that were asked what its stars are known as."""

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Citation:
        """Read what the metadata of a release say."""
        texts = {
            name: metadata.get(name, "")
            for name in cls.__dataclass_fields__
            if name not in ("creators", "licence")
        }
        creators = tuple(one for one in metadata.get("creators", "").split("; ") if one)
        return cls(creators=creators, licence=metadata.get("licence", ""), **texts)

    @property
    def licence_uri(self) -> str:
        """Address of the licence; empty where it is not known."""
        return self.licence if "://" in self.licence else _LICENCES.get(self.licence, "")

    @property
    def doi_uri(self) -> str:
        """The DOI as an address; empty where there is none."""
        return f"https://doi.org/{self.doi}" if self.doi else ""

    @property
    def year(self) -> str:
        """Year of publication; empty where unknown."""
        return self.published[:4]

    @property
    def name(self) -> str:
        """Name of the release: as the operator calls it, else that of the run."""
        return self.data_release or self.run_id

    def origin(self) -> dict[str, str]:
        """Give the facts by the names of the IVOA note *Data Origin*, those that are known."""
        said = {
            "citation": f"doi:{self.doi}" if self.doi else "",
            "creator": "; ".join(self.creators),
            "rights": self.licence,
            "rights_uri": self.licence_uri,
            "resource_version": self.name,
            "publication_date": self.published[:10],
            "last_update_date": self.published,
            "is_derived_from": self.surveys,
            "cites": f"bibcode:{METHOD}",
        }
        return {name: text for name, text in said.items() if text}

    @property
    def summary(self) -> str:
        """Sentences for a description: release, creators, licence, DOI, surveys; empty where none is said."""
        said = {
            "Release": self.data_release,
            "Created by": ", ".join(self.creators),
            "Licence": self.licence,
            "Cite as": self.doi_uri,
            "Spectra of": self.surveys,
        }
        return " ".join(f"{name} {text}." for name, text in said.items() if text)

    def text(self, *, title: str, publisher: str, url: str) -> str:
        """Give one line to cite the release by.

        Parameters
        ----------
        title, publisher
            Of the service.
        url
            Where it is.
        """
        who = ", ".join(self.creators) or publisher
        when = f" {self.year}" if self.year else ""
        release = f", release {self.name}" if self.name else ""
        held = f", {publisher}" if self.creators and publisher else ""
        return f"{who}{when}: {title}{release}{held}, {self.doi_uri or url}"


def is_placeholder(authority: str) -> bool:
    """Tell whether an authority is nobody's, so that nothing may be registered under it."""
    return not authority or authority.startswith(PLACEHOLDER)


def plain_doi(text: str) -> str:
    """Give a DOI without what people write before it.

    >>> plain_doi("https://doi.org/10.5281/zenodo.123"), plain_doi("doi:10.1/x")
    ('10.5281/zenodo.123', '10.1/x')
    """
    plain = text.strip()
    for start in ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"):
        plain = plain.removeprefix(start)
    return plain


def stated(
    *, creators: Sequence[str] = (), licence: str = "", doi: str = "", data_release: str = ""
) -> dict[str, str]:
    """Give what an operator says of a release as its metadata; nothing of what was not said."""
    said = {
        "creators": "; ".join(creators),
        "licence": licence,
        "doi": plain_doi(doi),
        "data_release": data_release,
    }
    return {name: text for name, text in said.items() if text}
