"""Settings of bulk classification."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vo_emline.spectra.medium import Medium
from vo_emline.training.options import CLASS_SHARES

SHARD_SIZE: Final = 4000
"""Inputs per shard: some 6 MB of windows, made in a fraction of a minute by a process of 200 MB."""


def _proper(shares: tuple[float, float, float]) -> tuple[float, float, float]:
    if min(shares) <= 0:
        raise ValueError("every class needs a positive share")
    total = sum(shares)
    if abs(total - 1) < 1e-12:  # written down and read again they are the same
        return shares
    return shares[0] / total, shares[1] / total, shares[2] / total


Shares = Annotated[tuple[float, float, float], AfterValidator(_proper)]


class SurveyOptions(BaseModel):
    """How spectra are classified, in every command that does it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_size: int = Field(default=SHARD_SIZE, ge=1)
    """Files per shard: what is done again at most after an interruption."""
    workers: int = Field(default=0, ge=0)
    """Processes; 0 takes one per core, and none of its own for a single shard."""
    class_shares: Shares = CLASS_SHARES
    """Stated share of absorption, emission and double-peak among the spectra to be classified.

    Training shows emission as often as absorption; in a survey it is rare (0.3–1 % of LAMOST), and a
    classifier that does not know it finds mostly noise. The default is above that, to err on the side of
    completeness."""
    uncertain_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """A spectrum whose most probable class has less than this probability is flagged ``uncertain``."""
    cascade: bool = True
    """Let a student screen, where the model has one (:class:`~vo_emline.survey.model.Cascade`)."""
    medium: Medium | None = None
    """Medium of the wavelengths of files, stated by the user; None to go by what they say."""
    low_snr: float = Field(default=5.0, ge=0)
    """A spectrum with a lower S/N per pixel in r is flagged ``low_snr`` and ``uncertain``."""

    def facts(self) -> dict[str, Any]:
        """Give what results depend on, JSON-ready."""
        unset = {"medium"} if self.medium is None else set()
        return self.model_dump(mode="json", exclude={"workers", *unset})
