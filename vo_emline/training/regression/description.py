"""Settings of the regression, and what is known of a trained one but for the weights of its heads."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vo_emline.errors import UserError
from vo_emline.measure.quantities import QUANTITIES


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


Method = Literal["network", "classical"]
METHODS: Final[tuple[Method, ...]] = ("network", "classical")


class RegressionDescription(BaseModel):
    """How a regression was trained, how good it is, and which method it prefers for which quantity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    """Version of this description."""
    methods: dict[str, Method]
    """For each quantity the method with the smaller CRPS on held-out stars: the one that is published."""
    factors: dict[Method, dict[str, float]]
    """For each method and quantity the factor on its errors that held-out stars ask for."""
    scores: dict[Method, dict[str, float]]
    """Mean CRPS on held-out stars, errors corrected, in units of the classical error."""
    members: int
    """Heads of the ensemble."""
    training: dict[str, Any] = {}
    """Options and number of lines."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it.

        Raises
        ------
        UserError
            This version cannot use it.
        """
        try:
            description = cls.model_validate_json(text)
        except ValidationError as error:
            raise UserError(
                f"the model's regression is of another version: {error}; train it again"
            ) from error
        wanted = [quantity.name for quantity in QUANTITIES]
        if list(description.methods) != wanted:
            raise UserError(f"the model measures {', '.join(description.methods)}; train it again")
        return description
