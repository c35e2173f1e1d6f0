from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
import pytest

from vo_emline.training.regression.heads import Sample, draw_head, fit_head, mixture, predict


@pytest.fixture(autouse=True)
def strict_jax() -> Iterator[None]:
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def sample() -> Sample:
    """The first quantity follows the first feature, its noise the second; the last is unknown."""
    random = np.random.default_rng(5)
    features = random.normal(size=(6000, 3)).astype(np.float32)
    target = np.zeros((6000, 5), dtype=np.float32)
    target[:, 0] = 2.0 * features[:, 0] + random.normal(size=6000) * np.exp(0.5 * features[:, 1])
    known = np.ones_like(target)
    target[:, 4], known[:, 4] = 1e3, 0.0
    return Sample(features, target, known)


def test_a_head_learns_mean_and_noise(sample):
    head = fit_head(sample, seed=1, epochs=20)
    mean, log_sd = (np.asarray(one) for one in predict(head, sample.features))
    assert np.corrcoef(mean[:, 0], 2.0 * sample.features[:, 0])[0, 1] > 0.98
    assert np.corrcoef(log_sd[:, 0], sample.features[:, 1])[0, 1] > 0.9
    inside = np.abs(sample.target[:, 0] - mean[:, 0]) < np.exp(log_sd[:, 0])
    assert 0.6 < inside.mean() < 0.76
    assert np.abs(mean[:, 4]).max() < 100.0, "an unknown quantity must not be learnt from"


def test_one_seed_gives_one_head(sample):
    first, again, other = (fit_head(sample, seed=seed, epochs=2) for seed in (3, 3, 4))
    for (a, _), (b, _), (c, _) in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_heads_that_disagree_are_less_sure():
    features = np.random.default_rng(6).normal(size=(50, 4)).astype(np.float32)
    heads = [[(w * 30.0, b) for w, b in draw_head(4, seed=seed)] for seed in (1, 2, 3)]
    _, alone = mixture(heads[:1], features)
    mean, together = mixture(heads, features)
    single = [mixture([head], features) for head in heads]
    means, deviations = (np.stack(part) for part in zip(*single, strict=True))
    variances = np.square(deviations).mean(axis=0)
    np.testing.assert_allclose(np.square(together), variances + means.var(axis=0))
    assert mean.shape == alone.shape == (50, 5)
