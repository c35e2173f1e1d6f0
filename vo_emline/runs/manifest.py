"""``run.json``: what a run is and which of its steps are done, so that a second start goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from vo_emline.errors import UserError
from vo_emline.files import write_json

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
                shutil.rmtree(path, ignore_errors=True)
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


def digest(*parts: Any) -> str:
    """Give a digest of JSON-like values: equal inputs, equal digest."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """Give a digest of files by name, size and time of change, without reading them."""
    return digest(
        [(str(path), status.st_size, status.st_mtime_ns) for path in paths for status in (path.stat(),)]
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
