"""What is known of a trained regression, but for the weights of its heads."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from vo_emline.errors import UserError
from vo_emline.measure.quantities import QUANTITIES

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
