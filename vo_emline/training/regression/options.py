"""Settings of the regression."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RegressionOptions(BaseModel):
    """How the heads that measure lines are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stars: int = Field(default=120_000, ge=0)
    """Simulated stars to learn from; with 0 lines are measured classically only."""
    members: int = Field(default=4, ge=1)
    """Heads of the ensemble."""
    epochs: int = Field(default=12, ge=1)
    """Passes of each head over the lines."""
    seed: int = Field(default=6565, ge=0)
