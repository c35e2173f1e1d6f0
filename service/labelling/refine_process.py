"""One refinement, in a process of its own: ``python -m service.labelling.refine_process FOLDER``.

The folder holds what is to be learnt (:mod:`service.labelling.refining`); how it ended is written there. The
process keeps a lock for as long as it lives, so that one refinement is made at a time whichever process of
the service began it, and so that it is known when it was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from service.labelling.refinements import BEGUN, ENDED, LABELS, LOCK, RUN
from vo_emline.errors import EmlineError
from vo_emline.files import write_json
from vo_emline.rundir import RunDirectory

LIMIT_S: Final = 1800
"""Seconds after which the process is ended."""
NICENESS: Final = 10
"""How much it leaves to those who ask the service."""
MOST_SHOWN: Final = 200
"""Spectra named of those that changed; the file in the run directory has all."""
CHANGES_FILE: Final = "changes.csv"


def main(folder: Path) -> None:
    """Refine, tell what changed, and write how it ended."""
    signal.alarm(LIMIT_S)
    os.nice(NICENESS)
    with (folder.parent / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            ended: dict[str, Any] = {"status": "refused", "message": "another refinement is under way"}
        else:
            ended = _tried(folder)
        write_json(folder / ENDED, ended)


def _tried(folder: Path) -> dict[str, Any]:
    asked = json.loads((folder / BEGUN).read_text(encoding="utf-8"))
    try:
        return {"status": "done", **_refined(folder, asked)}
    except EmlineError as error:
        return {"status": "refused", "message": str(error)}
    except ModuleNotFoundError as error:
        hint = "refining needs what training needs: pip install 'vo-emline[train]'"
        return {"status": "failed", "message": f"{error}; {hint}"}
    except Exception as error:
        write_json(folder / ENDED, {"status": "failed", "message": f"{type(error).__name__}: {error}"})
        raise


def _refined(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    from vo_emline.runs.refine import model_folder, refine_run
    from vo_emline.runs.settings import load_settings
    from vo_emline.runs.train import TrainingInputs

    run = RunDirectory(folder / RUN)
    inputs = TrainingInputs(training=tuple(map(Path, asked["files"])), labels=folder / LABELS, unlabelled=())
    refine_run(inputs, asked["base"], run.root, settings=load_settings(), say=_say)
    _say("What became of the spectra whose scores can change")
    facts = json.loads(run.metrics.read_text(encoding="utf-8"))
    changed = _changes(model_folder(asked["base"]), run.model, asked["can_change"], run.root / CHANGES_FILE)
    return {"before": facts["before"], "after": facts["after"], **changed}


def _changes(base: Path, refined: Path, files: Sequence[str], table: Path) -> dict[str, Any]:
    """Classify files by both models; write all that changed, and give counts and the first."""
    from pyarrow import csv

    from vo_emline.survey import SurveyOptions, classify_files
    from vo_emline.survey.model import load_scorer
    from vo_emline.survey.rescoring import changes, count_changes
    from vo_emline.training import ModelDescription

    options, preprocess = SurveyOptions(), ModelDescription.read(refined).preprocess
    before, after = (
        classify_files(
            [Path(file) for file in files],
            load_scorer(model, options),
            preprocess=preprocess,
            options=options,
        )[0]
        for model in (base, refined)
    )
    found = changes(before, after)
    csv.write_csv(found, table)
    return {
        "looked_at": len(after),
        "counts": count_changes(found),
        "changed": found.slice(0, MOST_SHOWN).to_pylist(),
        "version": ModelDescription.read(refined).version,
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
