"""What became of a survey: counted from its files, checked against its inputs."""

from __future__ import annotations

from dataclasses import dataclass

from vo_emline.errors import EmlineError, UserError
from vo_emline.survey.counts import Tally
from vo_emline.survey.shards import ShardStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySummary:
    """What became of the inputs. ``inputs = sum(classes) + sum(rejects)``, checked."""

    inputs: int
    classes: dict[str, int]
    """Scores per label."""
    flags: dict[str, int]
    """Scores per flag."""
    rejects: dict[str, int]
    """Rejects per reason."""
    model_version: str

    @property
    def scores(self) -> int:
        """Number of inputs with a score."""
        return sum(self.classes.values())


def summarise(store: ShardStore, *, inputs: int, n_shards: int, model_version: str) -> SurveySummary:
    """Count what became of the inputs of finished shards, a shard at a time.

    Parameters
    ----------
    store
        The shards.
    inputs
        Number of inputs.
    n_shards
        Number of shards they were cut into.
    model_version
        Version of the model.

    Raises
    ------
    UserError
        Shards are missing.
    EmlineError
        Scores and rejects do not add up to the inputs.
    """
    missing = sorted(set(range(n_shards)) - store.finished())
    if missing:
        raise UserError(
            f"{len(missing)} of {n_shards} shards of {store.directory} are not finished "
            f"(the first is {missing[0]}); start again without --finish to do them"
        )
    tally = Tally.of(map(store.counts, range(n_shards)))
    scores, rejects = tally.classes.total(), tally.rejects.total()
    if inputs != scores + rejects:
        raise EmlineError(
            f"{inputs} files gave {scores} scores and {rejects} rejects: rows were lost or "
            f"doubled; remove {store.directory} and start again"
        )
    return SurveySummary(
        inputs=inputs,
        classes=dict(tally.classes),
        flags=dict(sorted(tally.flags.items())),
        rejects=dict(sorted(tally.rejects.items())),
        model_version=model_version,
    )
