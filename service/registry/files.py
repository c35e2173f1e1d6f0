"""The records of a service as files, each checked."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lxml import etree

from service.config import load
from service.registry.records import NAMESPACES, Record, make_records, require_registrable
from service.store import open_store
from service.urls import Urls
from vo_emline.errors import EmlineError
from vo_emline.files import atomic_path

WANTED: Final = (
    "title", "identifier", "curation/publisher", "curation/contact/name", "curation/contact/email",
    "content/subject", "content/description", "content/referenceURL",
)  # fmt: skip
"""Elements that every record has, with text."""

_SECONDS: Final = 120


def write_records(
    release: str, folder: Path, *, config: Path | None, overrides: Mapping[str, Any]
) -> Iterator[tuple[Path, str]]:
    """Write the records of the service that publishes a release.

    Parameters
    ----------
    release
        The release file, or the address of a PostgreSQL database.
    folder
        Where to.
    config, overrides
        See :func:`service.config.load`.

    Yields
    ------
    tuple
        Each file, and what was checked.

    Raises
    ------
    UserError
        The service cannot be registered as it is.
    EmlineError
        A record is not valid.
    """
    settings = load(config, **overrides)
    urls = Urls(settings.public_url)
    store = open_store(release, settings=settings, urls=urls)
    try:
        with store.lease() as opened:
            authority = require_registrable(settings, opened, urls)
            records = make_records(settings, opened, urls, authority=authority)
    finally:
        store.close()
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        check_record(record)
        path = folder / f"{_file_name(record.ivoid)}.xml"
        with atomic_path(path) as temporary:
            temporary.write_bytes(record.document())
        yield path, f"valid, {_validated(path)}"


def check_record(record: Record) -> None:
    """See that a record says what registries insist on.

    Raises
    ------
    EmlineError
        It does not.
    """
    found = {path: (record.element.findtext(path) or "").strip() for path in WANTED}
    if missing := [path for path, text in found.items() if not text]:
        raise EmlineError(f"{record.ivoid}: the record lacks {', '.join(missing)}")
    if found["identifier"] != record.ivoid:
        raise EmlineError(f"{record.ivoid}: the record is of {found['identifier']}")
    for name in ("temporal", "spectral"):
        text = record.element.findtext(f"coverage/{name}")
        if text is not None and not _is_interval(text):
            raise EmlineError(f"{record.ivoid}: the coverage {name} is no interval: {text}")


def _is_interval(text: str) -> bool:
    low, _, high = text.partition(" ")
    return float(low) <= float(high)


def _file_name(ivoid: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", ivoid.removeprefix("ivo://"))


def _validated(path: Path) -> str:
    """Validate the parts whose schemas STILTS brings, where it is installed; say what was done.

    Raises
    ------
    EmlineError
        A part is not valid.
    """
    if not shutil.which("stilts"):
        return "by its own rules (STILTS is not installed)"
    parts = _parts(etree.parse(path).getroot())
    for name, document in parts.items():
        part = path.with_suffix(f".{name}.tmp")
        part.write_bytes(document)
        try:
            done = subprocess.run(  # noqa: S603 - no user input but the name of our file
                ["stilts", "xsdvalidate", "uselocals=true", f"doc={part}"],  # noqa: S607
                capture_output=True, text=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
        finally:
            part.unlink()
        if done.returncode:
            raise EmlineError(f"{path}: {name} is not valid: {(done.stdout + done.stderr).strip()[:500]}")
    return f"{' and '.join(parts)} by the schemas of STILTS" if parts else "by its own rules"


def _parts(record: Any) -> dict[str, bytes]:
    """Give capabilities of TAP and tables as documents of VOSI: their schemas are at hand."""
    found = {}
    vosi = "http://www.ivoa.net/xml/VOSI{}/v1.0"
    known = [one for one in record.findall("capability") if _kind(one) in ("", "tr:TableAccess")]
    if known:
        root = etree.Element(f"{{{vosi.format('Capabilities')}}}capabilities", nsmap=NAMESPACES)
        root.extend(known)
        found["capabilities"] = etree.tostring(root)
    tables = record.find("tableset")
    if tables is not None:
        root = etree.Element(f"{{{vosi.format('Tables')}}}tableset", nsmap=NAMESPACES)
        root.extend(list(tables))
        found["tables"] = etree.tostring(root)
    return found


def _kind(capability: Any) -> str:
    return str(capability.get(f"{{{NAMESPACES['xsi']}}}type", ""))
