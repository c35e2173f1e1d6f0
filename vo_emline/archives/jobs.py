"""From records to downloads: the address of each spectrum, and the name of its file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import unquote

from vo_emline.archives.crew import Job
from vo_emline.archives.datalink import SpectrumRequest
from vo_emline.archives.discovery import last_part
from vo_emline.archives.manifest import Manifest
from vo_emline.archives.records import ArchiveRecord
from vo_emline.errors import UserError

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
_SUFFIX = re.compile(r"(\.(fits?|gz|vot))+$", re.IGNORECASE)


def make_jobs(records: Sequence[ArchiveRecord], request: SpectrumRequest, manifest: Manifest) -> list[Job]:
    """Say for each record where to ask and what to call the file.

    Records of which the archive tells no address are left out.

    Raises
    ------
    UserError
        If the archive does not offer the form that is wanted.
    """
    taken = {_SUFFIX.sub("", e.file).lower(): did for did, e in manifest.entries.items() if e.file}
    jobs = []
    for record in records:
        url = _address(record, request)
        if not url:
            continue
        stem = file_stem(record.publisher_did)
        if taken.setdefault(stem.lower(), record.publisher_did) != record.publisher_did:
            digest = hashlib.sha256(record.publisher_did.encode()).hexdigest()[:8]
            stem = f"{stem}-{digest}"
        described = request.describe() if record.descriptor else "archive's own file"
        jobs.append(Job(record=record, url=url, request=described, stem=stem))
    return jobs


def file_stem(publisher_did: str) -> str:
    """Make a file name (without suffix) of the last part of a publisher DID."""
    name = _SUFFIX.sub("", unquote(last_part(publisher_did)))
    name = _UNSAFE.sub("_", name).lstrip(".")
    return name or hashlib.sha256(publisher_did.encode()).hexdigest()[:16]


def _address(record: ArchiveRecord, request: SpectrumRequest) -> str:
    if record.descriptor is not None:
        return record.descriptor.url(record.publisher_did, request)
    if request.cutout is not None or request.calibration is not None:
        raise UserError("the archive describes no processing service: leave calibration and cut-out away")
    return record.access_url
