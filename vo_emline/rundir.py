"""The run directory: where each thing of a run lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_MODEL: Final = Path(__file__).parent / "default_model"
"""Folder of the trained model that comes with the package."""

SUMMARY: Final = "summary.json"
"""File that says what became of a classified survey; it is there when everything else is."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths inside one run's directory. Nothing is created by asking."""

    root: Path

    @property
    def config(self) -> Path:
        """The settings in force, TOML."""
        return self.root / "config.toml"

    @property
    def manifest(self) -> Path:
        """Run id, versions, seeds, device, counts and which steps are done, JSON."""
        return self.root / "run.json"

    @property
    def log(self) -> Path:
        """The log, text."""
        return self.root / "run.log"

    @property
    def training(self) -> Path:
        """Training windows, split and rejects."""
        return self.root / "training"

    @property
    def model(self) -> Path:
        """Weights, checkpoints and ``model.json`` (labels, preprocessing, temperature)."""
        return self.root / "model"

    @property
    def metrics(self) -> Path:
        """Metrics with intervals, JSON."""
        return self.root / "metrics.json"

    @property
    def figures(self) -> Path:
        """Figures, PNG."""
        return self.root / "figures"

    @property
    def survey(self) -> Path:
        """Shards of survey windows and their scores, Parquet."""
        return self.root / "survey"

    @property
    def tables(self) -> Path:
        """Candidates, scores and rejects as Parquet and VOTable."""
        return self.root / "tables"

    @property
    def release(self) -> Path:
        """The DuckDB file that the service publishes."""
        return self.root / "release.duckdb"
