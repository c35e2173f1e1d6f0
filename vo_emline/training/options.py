"""Settings of training: what is tuned, with the values of the thesis as defaults."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
Balance = Literal["smote", "weights", "none"]


CLASS_SHARES: Final = (0.98, 0.014, 0.006)
"""Share of absorption, emission and double-peak among the spectra of a survey, unless stated otherwise."""


EVEN: Final = (1 / 3, 1 / 3, 1 / 3)
"""Equal shares of the classes, at which networks are trained and probabilities are kept."""


class AugmentOptions(BaseModel):
    """How the instrument is randomised on each window, each time it is shown to the network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    velocity_kms: float = Field(default=150.0, ge=0)
    """Largest velocity shift of a spectrum, km/s, either way."""
    noise: float = Field(default=0.3, ge=0)
    """Largest extra noise per pixel, in standard deviations of the window's flux."""
    noisy_fraction: Fraction = 0.3
    """Share of the windows that get extra noise."""
    slope: float = Field(default=0.3, ge=0)
    """Largest slope of the continuum across half the window, in standard deviations of the flux."""


class StudentOptions(BaseModel):
    """How the student is distilled (:mod:`vo_emline.training.distillation`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stars: int = Field(default=16_000, ge=0)
    """Simulated stars as a survey has them, beside the training set of the network; 0 for no student."""
    emitters: int = Field(default=16_000, ge=0)
    """Simulated emitters, held out, on which the threshold is set."""
    epochs: int = Field(default=12, ge=1)
    """Passes over the windows, each shown three times as another night would have recorded it."""
    seed: int = Field(default=2017, ge=0)


class TrainingOptions(BaseModel):
    """Settings of one training run.

    Learning rate, batch size and dropout are those of the thesis
    (Podsztavek 2017, notebook 10); the number of epochs is an upper limit that
    early stopping usually undercuts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=2017, ge=0)
    epochs: int = Field(default=40, ge=1)
    """Most passes over the training split."""
    patience: int = Field(default=5, ge=1)
    """Epochs without a better validation loss after which training stops."""
    min_delta: float = Field(default=1e-4, ge=0)
    """Smallest fall of the validation loss that counts as better."""
    learning_rate: float = Field(default=1e-3, gt=0)
    batch_size: int = Field(default=256, ge=1)
    dropout: Fraction = 0.5
    balance: Balance = "smote"
    """How unequal classes are levelled out: synthetic windows, class weights, or not at all."""
    augment: AugmentOptions | None = AugmentOptions()
    """Randomised instrument; None shows every window as it is."""
    validation: Fraction = 0.15
    """Share of the stars that decide when to stop and how to calibrate."""
    test: Fraction = 0.15
    """Share of the stars that are held out for the metrics."""
    keep_checkpoints: bool = False
    """Keep the checkpoints of finished training (they are only needed to resume)."""
