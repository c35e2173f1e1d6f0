"""The settings of a run: command line > environment ``VO_EMLINE_RUN_*`` > TOML file > defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from vo_emline.candidates.rows import AUTHORITY
from vo_emline.files import write_text
from vo_emline.preprocess import PreprocessOptions
from vo_emline.rundir import RunDirectory
from vo_emline.settings import TomlSettings, load_toml_settings
from vo_emline.survey.options import SurveyOptions
from vo_emline.training import TrainingOptions
from vo_emline.training.options import StudentOptions
from vo_emline.training.regression import RegressionOptions

SCORING: Final = ("class_shares", "uncertain_below", "low_snr", "cascade")
"""Settings of a survey on which labels, scores and flags depend."""


class SimulationOptions(BaseModel):
    """Simulated spectra that join the labelled ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spectra: int | None = Field(default=None, ge=0)
    """How many simulated spectra join the training set; None: as many as `fill` says."""
    fill: int = Field(default=12_000, ge=0)
    """Size of the training set that simulated spectra fill up where `spectra` is not given.

    Half as many join however many are labelled: they show what no archive of bright stars holds, noise, cool
    stars and lines that can only just be seen."""
    seed: int = Field(default=6563, ge=0)

    def wanted(self, labelled: int) -> int:
        """Give the number of simulated spectra that join `labelled` real ones."""
        return max(self.fill - labelled, self.fill // 2) if self.spectra is None else self.spectra


class SurveyHostOptions(BaseModel):
    """Unlabelled spectra of the survey in training: as negatives, and as hosts of emission put into them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spectra: int = Field(default=4000, ge=1)
    """How many of them take part at most."""
    negatives: int = Field(default=7000, ge=0)
    """Examples of spectra as they are; spectra are used several times where there are fewer."""
    injected: int = Field(default=8000, ge=0)
    """Examples with emission put in; those in which it cannot be seen are left out.

    As many as `negatives`: emission is then as frequent in the survey's spectra as in simulated ones. Were it
    more so, the network would take the look of a real spectrum for a sign of emission."""
    seed: int = Field(default=1800, ge=0)


class RunSettings(TomlSettings):
    """Everything a run can be told, by ``config.toml`` or ``VO_EMLINE_RUN_TRAINING__EPOCHS=20``."""

    model_config = SettingsConfigDict(env_prefix="VO_EMLINE_RUN_")

    preprocess: PreprocessOptions = PreprocessOptions()
    training: TrainingOptions = TrainingOptions()
    simulate: SimulationOptions = SimulationOptions()
    hosts: SurveyHostOptions = SurveyHostOptions()
    lines: RegressionOptions = RegressionOptions()
    student: StudentOptions = StudentOptions()
    survey: SurveyOptions = SurveyOptions()
    authority: str = AUTHORITY
    """Authority of the publisher DIDs given to spectra that bring none."""
    known: tuple[str, ...] = ()
    """Catalogues of known objects: files, names in ``archives.toml``, or ``simbad``."""

    @model_validator(mode="before")
    @classmethod
    def _workers(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take `workers` where runs of earlier versions have them."""
        if "workers" in values:
            values = dict(values)
            values["survey"] = {"workers": values.pop("workers")} | dict(values.get("survey", {}))
        return values


def load_settings(config: Path | None = None, overrides: dict[str, Any] | None = None) -> RunSettings:
    """Read the settings of a run.

    Parameters
    ----------
    config
        TOML file; None for the defaults.
    overrides
        What the command line says, nested as the settings are; None values count as not given.

    Raises
    ------
    UserError
        A setting is unknown or has an impossible value, or the file cannot be read.
    """
    return load_toml_settings(RunSettings, config, overrides or {})


def read_settings(path: Path) -> RunSettings:
    """Read the settings that a run has written down, whatever the environment says now.

    Raises
    ------
    UserError
        The file is missing or holds something else.
    """
    return load_toml_settings(RunSettings, path, {}, environment=False)


def survey_options(run: Path | None, given: dict[str, Any]) -> SurveyOptions:
    """Say how spectra are classified: as given > as the run wrote down, or the environment > defaults.

    Parameters
    ----------
    run
        Directory of a run, whose class shares, limits of flags and cascade are those of its own survey;
        None for the model that comes with the package.
    given
        What the command line says; None values count as not given.

    Raises
    ------
    UserError
        A value is impossible, or the run's settings cannot be read.
    """
    config = None if run is None else RunDirectory(run).config
    if config is None or not config.is_file():
        return load_settings(None, {"survey": given}).survey
    recorded = read_settings(config).survey.model_dump(include=set(SCORING))
    said = {name: value for name, value in given.items() if value is not None}
    return load_toml_settings(RunSettings, None, {"survey": recorded | said}, environment=False).survey


def write_settings(path: Path, settings: RunSettings) -> None:
    """Write the settings in force as TOML, so that ``--config`` repeats the run."""
    lines: list[str] = []
    _toml(settings.model_dump(mode="json"), (), lines)
    write_text(path, "\n".join(lines).strip() + "\n")


def _toml(values: dict[str, Any], prefix: tuple[str, ...], lines: list[str]) -> None:
    if prefix:
        lines += ["", f"[{'.'.join(prefix)}]"]
    for name, value in values.items():
        if value is None:
            lines.append(f"# {name} is not set")
        elif not isinstance(value, dict):
            lines.append(f"{name} = {_toml_value(value)}")
    for name, value in values.items():
        if isinstance(value, dict):
            _toml(value, (*prefix, name), lines)


def _toml_value(value: str | float | bool | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    # a JSON string is a TOML string
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
