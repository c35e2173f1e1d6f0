"""``run.json`` and the step: what a run is, which of its steps are done, and how one is done."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import uuid4

from vo_emline.errors import UserError
from vo_emline.files import digest, write_json
from vo_emline.rundir import RunDirectory
from vo_emline.runs.settings import RunSettings, write_settings
from vo_emline.survey.shards import Say

FIELDS = ("run_id", "created", "version", "steps", "begun")


@dataclass(slots=True)
class Manifest:
    """The state of a run on disk."""

    path: Path
    run_id: str
    created: str
    version: str = field(default_factory=lambda: installed_version("vo-emline"))
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name of a finished step → digest of what it was made from (``inputs``) and its facts."""
    begun: dict[str, str] = field(default_factory=dict)
    """Name of a step that was begun → digest of what it is made from."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read `path`, or begin a new run where there is none.

        Raises
        ------
        UserError
            The file is not a manifest of this program.
        """
        if not path.is_file():
            now = datetime.now(UTC)
            run_id = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
            return cls(path, run_id=run_id, created=now.isoformat(timespec="seconds"))
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, **{name: stored[name] for name in FIELDS})
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is not the manifest of a run: {error}") from error

    def done(self, step: str, inputs: str, *, outputs: Iterable[Path] = ()) -> bool:
        """Tell whether `step` was finished from the same inputs, and `outputs` are still there."""
        same = self.steps.get(step, {}).get("inputs") == inputs
        return same and all(path.exists() for path in outputs)

    def begin(self, step: str, inputs: str, *, outputs: Iterable[Path]) -> None:
        """Make ready for `step`: half of it may be there from the same inputs, nothing from others."""
        if self.begun.get(step) != inputs:
            for path in outputs:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            self.begun[step] = inputs
        self.steps.pop(step, None)
        self.save()

    def finish(self, step: str, inputs: str, **facts: Any) -> None:
        """Record that `step` is finished, and save."""
        self.steps[step] = {"inputs": inputs, "finished": _now(), **facts}
        self.save()

    def facts(self, step: str) -> dict[str, Any]:
        """Give what a finished step left for the record."""
        return self.steps[step]

    def save(self) -> None:
        """Write the manifest in one piece."""
        write_json(self.path, {name: getattr(self, name) for name in FIELDS})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Done(NamedTuple):
    """A step that is finished."""

    made_from: str
    """Digest of what it was made from, for the steps that use it."""
    facts: dict[str, Any]
    """What it left for the record."""


def _always(_: dict[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every step works with."""

    directory: RunDirectory
    settings: RunSettings
    manifest: Manifest
    say: Say

    def step(
        self,
        name: str,
        do: Callable[[], Mapping[str, Any]],
        *,
        made_from: Sequence[Any],
        outputs: Sequence[Path] = (),
        clears: Sequence[Path] = (),
        kept: Callable[[dict[str, Any]], bool] = _always,
    ) -> Done:
        """Do a step, unless it was finished from the same inputs and what it made is still there.

        Parameters
        ----------
        name
            Of the step, in the record.
        do
            Does it, or goes on with what an interruption left; gives facts for the record, JSON-ready.
        made_from
            JSON-like: all on which the step depends.
        outputs
            Files that are there when it is finished.
        clears
            Files and folders that are of no use when the step was begun from other inputs; they are removed.
        kept
            Tells from the record whether what was made is still there, where no file of its own says so.
        """
        inputs = digest(*made_from)
        if self.manifest.done(name, inputs, outputs=outputs) and kept(self.manifest.facts(name)):
            self.say(f"  already done: {name}")
        else:
            self.manifest.begin(name, inputs, outputs=clears)
            self.manifest.finish(name, inputs, **do())
        return Done(inputs, self.manifest.facts(name))


def open_run(output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Begin a run in an empty folder, or go on with the one that is there.

    Raises
    ------
    UserError
        `output` holds something that is no run.
    """
    directory = RunDirectory(output)
    if output.exists() and not directory.manifest.is_file() and any(output.iterdir()):
        raise UserError(f"{output} holds something that is no run; give an empty or a new folder")
    manifest = Manifest.open(directory.manifest)
    write_settings(directory.config, settings)
    manifest.save()
    return Run(directory=directory, settings=settings, manifest=manifest, say=say)


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append the program's log to a file for a while."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("vo_emline")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
