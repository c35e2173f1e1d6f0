"""How windows are made: the settings, light enough to be imported anywhere."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

LsfMethod = Literal["physical", "thesis", "none"]
Continuum = Literal["line", "pipeline", "none"]
Scaling = Literal["standardise", "minmax"]


class PreprocessOptions(BaseModel):
    """Settings of :func:`~vo_emline.preprocess.prepare`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lsf: LsfMethod = "physical"
    """Line-spread matching: ``physical`` from the two resolving powers in Å, ``thesis`` a
    Gaussian of 7 native pixels, ``none``."""
    target_resolving_power: float = Field(default=1800.0, gt=0)
    """λ/FWHM at Hα to which finer spectra are brought (LAMOST low resolution: 1800)."""
    continuum: Continuum = "line"
    """``line`` divides each window by the straight line through its continuum; ``pipeline`` takes the
    survey's normalised flux where the file has one (the thesis on LAMOST DR1); ``none``."""
    scaling: Scaling = "standardise"
    """Per spectrum: zero mean and unit variance, or minimum to maximum onto [−1, 1]."""
    indices: bool = True
    """Whether spectral indices are measured in the rest of the spectrum, from which the absorption that Hα
    should have follows; without them only the window is read."""
    minimum_coverage: float = Field(default=1.0, gt=0, le=1)
    """Fraction of the window that the spectrum must reach over; where less is allowed, the edge
    value is repeated with an inverse variance of zero."""
    max_bad_fraction: float = Field(default=0.2, ge=0, le=1)
    """Largest fraction of bad pixels in the window; fewer are interpolated over."""
    max_bad_line_fraction: float = Field(default=0.3, ge=0, le=1)
    """Largest fraction of bad pixels within 8 Å of Hα, where an interpolation would invent or hide a line."""


THESIS: Final = PreprocessOptions(lsf="thesis", continuum="pipeline", scaling="standardise")
"""The recipe of the thesis (Podsztavek 2017, chapter *Preprocessing*)."""
