"""The package as a whole: what it exports, and what it costs to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vo_emline.training


@pytest.mark.parametrize("name", dir(vo_emline.training))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(vo_emline.training, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        vo_emline.training.nonsense  # noqa: B018


def test_settings_and_descriptions_load_without_jax() -> None:
    code = (
        "import sys; from vo_emline.training import TrainingOptions, ModelDescription, read_labels;"
        "print([m for m in ('jax', 'flax', 'optax', 'orbax', 'sklearn', 'imblearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
