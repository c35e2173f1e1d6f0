"""Publishing a classified survey: which shards, whose run, what its objects are known as, where it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vo_emline.archives import is_hats
from vo_emline.candidates import (
    AUTHORITY,
    SAID,
    SPECTRA,
    Limits,
    Provenance,
    ReleaseCounts,
    release_survey,
    write_tables,
)
from vo_emline.candidates.classified import Classified, open_release, open_survey, read_facts
from vo_emline.candidates.counted import read_summary
from vo_emline.candidates.facts import PASSED_OVER
from vo_emline.files import digest
from vo_emline.labelling.exchange import read_consensus
from vo_emline.rundir import RunDirectory
from vo_emline.runs.known import KnownNames, require_known
from vo_emline.runs.settings import read_settings
from vo_emline.runs.steps import Manifest
from vo_emline.spectra import file_of
from vo_emline.survey.counts import SESSIONS
from vo_emline.survey.shards import read_manifest
from vo_emline.survey.sources import read_passed_over

RELEASE_SUFFIX: Final = ".duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing a directory means."""

    survey: Path
    """Folder of the shards."""
    release: Path
    """The release that the directory has unless told otherwise."""
    provenance: Provenance
    metadata: dict[str, str]
    """More facts that the service shows."""
    known: tuple[str, ...]
    """Catalogues the run was told to ask."""
    folder: Path
    """From where relative paths of the spectra start."""


def find_publication(directory: Path) -> Publication:
    """Look what a directory holds.

    Parameters
    ----------
    directory
        Of ``vo-emline run``, or of a survey.

    Raises
    ------
    UserError
        It holds neither, or the survey is not finished.
    """
    run = RunDirectory(directory)
    return _of_run(run) if run.manifest.is_file() else _of_survey(directory)


def publish(
    publication: Publication,
    *,
    output: Path | None = None,
    known: Sequence[str] = (),
    labels: Path | None = None,
    authority: str | None = None,
    folder: Path | None = None,
    limits: Limits | None = None,
    tables: bool = False,
    said: Mapping[str, str] | None = None,
    previous: Path | None = None,
) -> ReleaseCounts:
    """Build the release and put it in place; a service that has the old one open changes over.

    Parameters
    ----------
    publication
        What :func:`find_publication` found.
    output
        The release; by default that of the directory.
    known
        Catalogues of known objects, see :class:`~vo_emline.runs.known.KnownNames`; by default the run's.
    labels
        Labels of people that are published with it
        (:func:`~vo_emline.labelling.exchange.read_consensus`).
    authority
        Authority of publisher DIDs; by default that of the run.
    folder
        From where relative paths of the spectra start; by default where the survey was classified.
    limits
        Memory and threads.
    tables
        Whether to write the tables for other programs, too; where they are already, they are written anew.
    said
        What the operator says of the release: :func:`vo_emline.candidates.citation.stated`.
    previous
        The release before, whose stars keep their identifiers; by default the one that is replaced.

    Raises
    ------
    UserError
        A catalogue or the labels cannot be read, the disk is too small, or an identifier occurs twice.
    EmlineError
        The rows do not agree with the summary of the survey.
    """
    known = tuple(known) or publication.known
    require_known(known)
    provenance = publication.provenance
    if authority is not None:
        provenance = Provenance(
            authority=authority, run_id=provenance.run_id, model_version=provenance.model_version
        )
    counts = release_survey(
        output or publication.release,
        publication.survey,
        provenance=provenance,
        metadata=publication.metadata | _asked(known) | dict(said or {}),
        folder=folder or publication.folder,
        name_known=KnownNames(known),
        labels=None if labels is None else read_consensus(labels),
        limits=limits,
        previous=previous,
    )
    folder_of_tables = RunDirectory(publication.release.parent).tables
    if tables or (output is None and folder_of_tables.is_dir()):
        write_tables(publication.release, folder_of_tables)
    return counts


@contextmanager
def open_catalogue(path: Path) -> Iterator[Classified]:
    """Open the classified spectra of a release, of a survey, or of a run.

    Spectra of a directory have the identifiers of its release, where it has one, or of the one that would be
    made of it.

    Raises
    ------
    UserError
        There are none, or they are not finished or damaged.
    """
    if path.is_file():
        with open_release(path) as release:
            yield release
        return
    publication = find_publication(path)
    authority = publication.provenance.authority
    if publication.release.is_file():
        authority = read_facts(publication.release).get("authority", authority)
    with open_survey(
        publication.survey,
        folder=publication.folder,
        authority=authority,
        model_version=publication.provenance.model_version,
    ) as survey:
        yield survey


def _asked(known: Sequence[str]) -> dict[str, str]:
    """Say which catalogues were asked what candidates are known as, and when."""
    if not known:
        return {}
    names = ", ".join(Path(name).name if is_hats(name) else Path(name).stem for name in known)
    return {"known_in": names, "known_asked": datetime.now(UTC).date().isoformat()}


def missing_files(release: Path, *, sample: int = 100) -> list[str]:
    """Give the files of spectra that cannot be found, of a sample of those in a release."""
    import duckdb

    with duckdb.connect(str(release), read_only=True) as database:
        rows = database.sql(f"SELECT path FROM {SPECTRA.qualified_name} USING SAMPLE {sample}").fetchall()  # noqa: S608
    return [path for (path,) in rows if not Path(file_of(path)).exists()]


def published_labels(release: Path) -> int:
    """Count the spectra of a release that have published labels of people."""
    import duckdb

    with duckdb.connect(str(release), read_only=True) as database:
        return int(database.sql(f"SELECT count(*) FROM {SAID.qualified_name}").fetchall()[0][0])  # noqa: S608


def _of_run(run: RunDirectory) -> Publication:
    manifest = Manifest.open(run.manifest)
    settings = read_settings(run.config)
    summary = read_summary(run.survey)
    return Publication(
        survey=run.survey,
        release=run.release,
        provenance=Provenance(
            authority=settings.authority, run_id=manifest.run_id, model_version=summary["model_version"]
        ),
        metadata={"created": manifest.created} | _passed_over(run.survey),
        known=settings.known,
        folder=Path.cwd(),
    )


def _of_survey(directory: Path) -> Publication:
    summary = read_summary(directory)
    return Publication(
        survey=directory,
        release=RunDirectory(directory).release,
        provenance=Provenance(
            authority=AUTHORITY,
            run_id=_run_id(directory),
            model_version=summary["model_version"],
        ),
        metadata=_passed_over(directory),
        known=(),
        folder=_folder(directory),
    )


def _passed_over(directory: Path) -> dict[str, str]:
    """Say which files of its folders a survey did not try; names without the folders, which are nobody's."""
    account = read_passed_over(directory).account()
    for one in account.values():
        one["first"] = [Path(name).name for name in one["first"]]
    return {PASSED_OVER: json.dumps(account)} if account else {}


def _run_id(directory: Path) -> str:
    """Give the identifier of a survey; where it states none, one that follows from what it was made from."""
    manifest = read_manifest(directory)
    return manifest.get("run_id") or f"survey-{digest(manifest)}"


def _folder(directory: Path) -> Path:
    """Give the folder in which a survey was classified, as its last session says; else the current one."""
    for session in sorted(directory.glob(f"{SESSIONS}/*.json"), reverse=True):
        try:
            folder = json.loads(session.read_text(encoding="utf-8")).get("folder")
        except (OSError, ValueError):  # of another start we know, too
            continue
        if folder:
            return Path(folder)
    return Path.cwd()
