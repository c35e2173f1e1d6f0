"""Cut-outs: what is packed comes back as well as any picture needs it."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.candidates.cutouts import BAD, STEPS, cutout_steps, pack_cutouts


def read_back(text: str) -> np.ndarray:
    low, high, steps = cutout_steps(text)
    values = np.frombuffer(steps, np.uint8)
    return np.where(values == BAD, np.nan, low + (high - low) * values / STEPS)


def test_what_is_packed_comes_back() -> None:
    rng = np.random.default_rng(3)
    ratio = 1 + 5 * rng.random((20, 140))
    ratio[3, 10:20] = np.nan
    ratio[4] = 1.0
    texts = pack_cutouts(ratio).to_pylist()
    back = np.stack([read_back(text) for text in texts])
    assert {len(text) for text in texts} == {200}
    assert np.array_equal(np.isnan(back), np.isnan(ratio))
    span = np.nanmax(ratio, axis=1) - np.nanmin(ratio, axis=1)
    assert np.nanmax(np.abs(back - ratio) / np.maximum(span, 1e-6)[:, None]) < 1 / 500


def test_nothing_good_is_nothing_stored() -> None:
    assert pack_cutouts(np.full((1, 140), np.nan)).to_pylist() == [None]


def test_another_text_is_refused() -> None:
    for text in ("no picture", "AAAA"):
        with pytest.raises(ValueError, match=r"base64|length"):
            cutout_steps(text)
