"""Settings from several sources: command line > environment > TOML file > defaults.

Every part of the program has a prefix of its own (``VO_EMLINE_SERVICE_…``, ``VO_EMLINE_RUN_…``), so that
the same word may mean different things in two of them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vo_emline.errors import UserError

S = TypeVar("S", bound="TomlSettings")


class TomlSettings(BaseSettings):
    """Base of the settings of a program part, which adds the prefix of its environment variables."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="forbid", frozen=True)

    environment: ClassVar[bool] = True
    """Whether the environment is asked; what a finished run wrote down is not to be changed by it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, TOML file."""
        file = TomlConfigSettingsSource(settings_cls)
        return (init_settings, env_settings, file) if cls.environment else (init_settings, file)


def load_toml_settings(
    kind: type[S], config: Path | None, overrides: dict[str, Any], *, environment: bool = True
) -> S:
    """Read settings of one kind.

    Parameters
    ----------
    kind
        The class of the settings.
    config
        TOML file; None for the defaults.
    overrides
        What the command line says, nested as the settings are; None values count as not given.
    environment
        Whether the environment has a say.

    Raises
    ------
    UserError
        A setting is unknown or has an impossible value, or the file cannot be read.
    """
    if config is not None and not config.is_file():
        raise UserError(f"there is no configuration file {config}")
    facts = {"__module__": kind.__module__, "environment": environment}
    configured: type[S] = type(kind.__name__, (kind,), facts, toml_file=config)
    try:
        return configured(**_given(overrides))
    except ValidationError as error:
        raise UserError(_explain(error, config, kind.model_config["env_prefix"])) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{config} is not TOML: {error}") from error


def _given(overrides: dict[str, Any]) -> dict[str, Any]:
    nested = {
        name: _given(value) if isinstance(value, dict) else value
        for name, value in overrides.items()
        if value is not None
    }
    return {name: value for name, value in nested.items() if value != {}}


def _explain(error: ValidationError, config: Path | None, prefix: str) -> str:
    parts = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    sources = ["command line", f"{prefix}*", *([str(config)] if config else [])]
    return f"settings ({', '.join(sources)}): " + "; ".join(parts)
