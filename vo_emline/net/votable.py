"""The one tolerant reader of VOTable answers: refuses what is dangerous, repairs what is invalid.

The rest of the program sees clean documents only; what was repaired is logged once per service and
kept with the answer.
"""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from vo_emline.errors import ArchiveError
from vo_emline.net.repairs import COLUMN_REPAIRS, XML_REPAIRS

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile

_NAMESPACE: Final = "http://www.ivoa.net/xml/VOTable/v1.3"
_TITLE = re.compile(rb"<(?:title|h1)[^>]*>(.*?)</", re.IGNORECASE | re.DOTALL)
_SAID: set[tuple[str, str]] = set()

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CleanVOTable:
    """A document that astropy and pyvo read, and what had to be done for that."""

    votable: VOTableFile
    repairs: tuple[str, ...]


def read_votable(content: bytes, source: str) -> CleanVOTable:
    """Read an answer, valid or not.

    Parameters
    ----------
    content
        The bytes of the answer.
    source
        Address it came from, for messages.

    Raises
    ------
    ArchiveError
        If it is no VOTable (an HTML page, half a document), carries a DOCTYPE,
        or refers to a stream elsewhere.
    """
    root = _parse_xml(content, source)
    refuse_references(root, source)
    repairs = [message for repair in XML_REPAIRS for message in repair(root)]
    votable = _parse_votable(_serialise(root), source)
    repairs += [message for repair in COLUMN_REPAIRS for message in repair(votable)]
    _tell(repairs, source)
    return CleanVOTable(votable, tuple(repairs))


def refuse_references(root: ET.Element, source: str) -> None:
    """Refuse a document whose data lie elsewhere.

    astropy would open any address in ``<STREAM href="…">``, ``file:`` too.

    Raises
    ------
    ArchiveError
        If there is one.
    """
    for stream in root.iter("STREAM"):
        if stream.get("href"):
            raise ArchiveError("refused: the VOTable points to data elsewhere (STREAM href)", url=source)


def _parse_xml(content: bytes, source: str) -> ET.Element:
    try:
        root: ET.Element = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ArchiveError(
            _html_title(content) or "refused: the answer carries a DOCTYPE", url=source
        ) from error
    except ET.ParseError as error:
        said = _html_title(content) or f"the answer is not well-formed XML: {error}"
        raise ArchiveError(said, url=source, retry=True) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "VOTABLE":
        raise ArchiveError(_html_title(content) or f"the answer is a <{root.tag}>, not a VOTable", url=source)
    return root


def _html_title(content: bytes) -> str:
    if b"<html" not in content[:2048].lower():
        return ""
    found = _TITLE.search(content)
    title = found.group(1).decode("utf-8", "replace").strip() if found else ""
    return f"answered with a web page instead of a VOTable: {title[:200] or 'no title'}"


def _serialise(root: ET.Element) -> bytes:
    """Write the document in the namespace of VOTable 1.3 and 1.4, which share one."""
    for attribute in [name for name in root.attrib if name.startswith("{")]:
        del root.attrib[attribute]
    root.attrib.update(xmlns=_NAMESPACE, version="1.4")
    serialised: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return serialised


def _parse_votable(content: bytes, source: str) -> VOTableFile:
    from astropy.io.votable import parse  # slow to import

    try:
        return parse(io.BytesIO(content), verify="ignore")
    except Exception as error:  # astropy raises its own, numpy's and Python's errors
        said = str(error).partition("\n")[0]
        raise ArchiveError(f"the VOTable cannot be read even after repair: {said}", url=source) from error


def _tell(repairs: list[str], source: str) -> None:
    """Log what was repaired, once per service."""
    service = source.partition("?")[0]
    new = [message for message in repairs if (service, message) not in _SAID]
    _SAID.update((service, message) for message in new)
    if new:
        log.info("%s: repaired the answer: %s", service, "; ".join(new))


def text_of(value: Any) -> str:
    """Give a cell as text, empty where it is null."""
    if value is None or getattr(value, "mask", False) is True or str(value) == "--":
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)
