"""Settings of bulk classification."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vo_emline.training.options import CLASS_SHARES


def _proper(shares: tuple[float, float, float]) -> tuple[float, float, float]:
    if min(shares) <= 0:
        raise ValueError("every class needs a positive share")
    total = sum(shares)
    return shares[0] / total, shares[1] / total, shares[2] / total


Shares = Annotated[tuple[float, float, float], AfterValidator(_proper)]


class SurveyOptions(BaseModel):
    """Settings of :func:`~vo_emline.survey.classify_survey`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_size: int = Field(default=1000, ge=1)
    """Files per shard; each finished shard is one pair of Parquet files."""
    workers: int = Field(default=0, ge=0)
    """Processes that read files; 0 takes one per core, and none of its own for a single shard."""
    class_shares: Shares = CLASS_SHARES
    """Stated share of absorption, emission and double-peak among the spectra to be classified.

    Training shows emission as often as absorption; in a survey it is rare (0.3–1 % of LAMOST), and a
    classifier that does not know it finds mostly noise. The default is above that, to err on the side of
    completeness."""
    uncertain_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """A spectrum whose most probable class has less than this probability is flagged ``uncertain``."""
    cascade: bool = True
    """Let a student screen, where the model has one and is loaded by its folder
    (:class:`~vo_emline.survey.cascade.Cascade`)."""
    low_snr: float = Field(default=5.0, ge=0)
    """A spectrum with a lower S/N per pixel in r is flagged ``low_snr`` and ``uncertain``."""
