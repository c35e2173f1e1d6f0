"""Refining the model from the page: what is learnt from, and what can change. All of it blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from service.labelling.context import LabelServices
from service.labelling.people import Person
from service.labelling.queueing import export
from service.products.entries import Entry, find_entries
from service.store import Release, ReleaseStore
from vo_emline.candidates.columns import SCORES
from vo_emline.errors import UserError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.training.description import ModelDescription

DEFAULT: Final = "default"
"""Name of the model that comes with the package."""
CASCADE: Final = "+cascade"
"""What the version of a model has at its end where it was used behind its student."""
CAN_CHANGE: Final = 20_000
"""Spectra, at most, of which is told what became of them: those nearest to the limit."""


def begin(context: LabelServices, store: ReleaseStore, person: Person) -> str:
    """Begin to learn from all labels that were given.

    Raises
    ------
    UserError
        The release was not classified by a model that is at hand, has no files, or a refinement is under way.
    """
    with store.lease() as release:
        base = _base(str(release.metadata.get("model_version", "")))
        labelled = sorted({label.publisher_did for label in context.log.current()})
        files = _files(find_entries(release, labelled), labelled)
        if not files:
            raise UserError("there is nothing to learn from: no file of a labelled spectrum is here")
        can_change = _can_change(release)
    labels = export(context, person, queue="", suffix="csv", log=False)
    return context.refinements.begin(labels, files, can_change, base=base, by=person.name)


def _base(version: str) -> str:
    """Give the name of the model that a release was classified with."""
    shipped = ModelDescription.read(DEFAULT_MODEL).version
    if version.removesuffix(CASCADE) != shipped:
        raise UserError(
            f"the release was classified with model {version or 'unknown'}, and {shipped} is here; take "
            "the labels along: `vo-emline train --from RUN --training SPECTRA --labels labels.csv`"
        )
    return DEFAULT


def _can_change(release: Release) -> list[Path]:
    """Give files of spectra that the network has seen, those nearest to the limit first."""
    sql = (
        f"SELECT obs_publisher_did AS did FROM {SCORES.qualified_name} "  # noqa: S608 - a name of ours
        "WHERE NOT regexp_matches(coalesce(flags, ''), '(^| )screened( |$)') "
        f"ORDER BY abs(score - 0.5), obs_publisher_did LIMIT {CAN_CHANGE}"
    )
    dids = [row["did"] for row in release.rows(sql)]
    return _files(find_entries(release, dids), dids)


def _files(entries: Mapping[str, Entry], dids: Sequence[str]) -> list[Path]:
    return [entries[did].path for did in dids if did in entries and entries[did].present]
