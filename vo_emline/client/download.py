"""Saving the spectra of a result as files."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vo_emline.errors import UserError
from vo_emline.files import write_bytes
from vo_emline.net.cache import Download
from vo_emline.rejects import Reject

if TYPE_CHECKING:
    from vo_emline.client.candidates import Candidates

SUFFIXES: Final = {
    "votable": ".vot",
    "fits": ".fits",
    "csv": ".csv",
    "tsv": ".txt",
    "ecsv": ".ecsv",
    "native": "",
}
"""Formats a service delivers, and the suffix of each; ``native`` keeps the name of the original file."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReport:
    """What came of a download: rows = saved + present + rejects."""

    saved: tuple[Path, ...]
    """Files written now."""
    present: tuple[Path, ...]
    """Files that were there already."""
    rejects: tuple[Reject, ...]
    """What could not be had, and why."""

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{len(self.saved)} saved, {len(self.present)} there already, {len(self.rejects)} failed"


def download(
    candidates: Candidates, folder: Path, *, file_format: str, parallel: int, progress: bool = True
) -> DownloadReport:
    """Save the spectra of all rows; what is there already is not asked for again.

    Raises
    ------
    UserError
        There is no such format.
    """
    if file_format not in SUFFIXES:
        raise UserError(f"there is no format {file_format!r}; the formats are {', '.join(SUFFIXES)}")
    stems = file_stems(candidates)
    known = {stem: found for stem in stems if (found := _existing(folder, stem, file_format)) is not None}
    urls = dict(zip(stems, product_urls(candidates, file_format), strict=True))
    wanted = {stem: url for stem, url in urls.items() if stem not in known}
    fetcher = candidates.client.fetcher(cache=False, parallel=parallel)
    saved, rejects = [], []
    answers = fetcher.fetch_each(list(wanted.values()), progress=progress, description="downloading")
    with closing(answers):
        for stem, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Reject):
                rejects.append(answer)
            else:
                saved.append(_save(answer, folder, stem, file_format))
    present = tuple(known[stem] for stem in stems if stem in known)
    return DownloadReport(saved=tuple(saved), present=present, rejects=tuple(rejects))


def product_urls(candidates: Candidates, file_format: str) -> list[str]:
    """Give the addresses of the spectra in a format, one per row."""
    if file_format == "votable":
        return candidates.spectrum_urls
    address = candidates.client.address
    if "obs_publisher_did" not in candidates.table.colnames:
        raise UserError("the query did not ask for obs_publisher_did, by which spectra are named")
    dids = map(str, candidates.table["obs_publisher_did"])
    return [address.spectrum(did, {"FORMAT": file_format}) for did in dids]


def file_stems(candidates: Candidates) -> list[str]:
    """Give a file name without suffix for each row: what identifies it, then what people call it."""
    names = [
        name
        for name in ("candidate_id", "obs_publisher_did", "designation")
        if name in candidates.table.colnames
    ]
    identifier = names[0] if names else None
    parts = [identifier, "designation"] if "designation" in names else [identifier]
    if identifier is None:
        raise UserError("the query asked for no column that identifies a spectrum (candidate_id)")
    stems = ["_".join(_safe(str(row[part])) for part in dict.fromkeys(parts)) for row in candidates]
    if len(set(stems)) < len(stems):
        raise UserError(
            "several rows would get one file name; ask for the column candidate_id, and for no row twice"
        )
    return stems


def _existing(folder: Path, stem: str, file_format: str) -> Path | None:
    if SUFFIXES[file_format]:
        path = folder / f"{stem}{SUFFIXES[file_format]}"
        return path if path.exists() else None
    return next(iter(sorted(folder.glob(f"{stem}__*"))), None)


def _save(answer: Download, folder: Path, stem: str, file_format: str) -> Path:
    original = f"__{_safe(answer.filename) or 'original'}"
    path = folder / f"{stem}{SUFFIXES[file_format] or original}"
    write_bytes(path, answer.content)
    return path


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-.")
