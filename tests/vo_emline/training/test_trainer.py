"""The training loop: one seed, one result; killed and started again, the same result."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.training.architecture import Architecture, Parameters
from vo_emline.training.checkpoints import Progress
from vo_emline.training.options import TrainingOptions
from vo_emline.training.steps import Samples, batches
from vo_emline.training.trainer import Fitted, fingerprint, fit

OPTIONS = TrainingOptions(epochs=4, batch_size=32, patience=4, seed=1, learning_rate=0.01, dropout=0.1)


class Case:
    """A small training."""

    def __init__(self, training: Samples, validation: Samples, architecture: Architecture) -> None:
        self.training, self.validation, self.architecture = training, validation, architecture

    def fit(self, directory: Path, options: TrainingOptions = OPTIONS, **more: Any) -> Fitted:
        return fit(
            more.pop("training", self.training),
            more.pop("validation", self.validation),
            options=options,
            checkpoints=directory,
            architecture=self.architecture,
            **more,
        )


@pytest.fixture(scope="module")
def case(easy: Callable[..., Samples], small: Architecture) -> Case:
    return Case(easy(300, seed=0), easy(60, seed=1), small)


def assert_same(one: Parameters, other: Parameters) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.fixture(scope="module")
def uninterrupted(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return case.fit(tmp_path_factory.mktemp("whole"))


def test_easy_windows_are_learned(case: Case, uninterrupted: Fitted) -> None:
    progress = uninterrupted.progress
    assert progress.epoch == len(progress.training_loss) == len(progress.validation_loss) == 4
    assert progress.training_loss[-1] < progress.training_loss[0]
    assert progress.validation_accuracy[progress.best_epoch] > 0.9
    accuracy = (uninterrupted.validation_logits.argmax(axis=1) == case.validation.label).mean()
    assert accuracy == progress.validation_accuracy[progress.best_epoch]


def test_the_device_is_reported(uninterrupted: Fitted) -> None:
    assert uninterrupted.device["platform"] in {"cpu", "gpu"}
    assert uninterrupted.device["cores"] >= 1


def test_one_seed_gives_one_result_bit_for_bit(case: Case, uninterrupted: Fitted, tmp_path: Path) -> None:
    again = case.fit(tmp_path)
    assert again.progress == uninterrupted.progress
    assert_same(again.parameters, uninterrupted.parameters)
    other = case.fit(tmp_path / "other", OPTIONS.model_copy(update={"seed": 2, "epochs": 1}))
    assert not np.array_equal(other.parameters["output.kernel"], again.parameters["output.kernel"])


@pytest.mark.parametrize("epoch", [1, 3])
def test_interrupted_after_an_epoch_training_goes_on_to_the_same_result(
    case: Case, uninterrupted: Fitted, tmp_path: Path, epoch: int
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.fit(tmp_path, on_epoch=interrupt)
    resumed = case.fit(tmp_path)
    assert resumed.resumed_after == epoch
    assert resumed.progress == uninterrupted.progress
    assert_same(resumed.parameters, uninterrupted.parameters)


KILLED = """
    import sys
    from pathlib import Path
    import numpy as np
    from vo_emline.training.network import Architecture
    from vo_emline.training.options import TrainingOptions
    from vo_emline.training.steps import Samples
    from vo_emline.training.trainer import fit

    _, directory, options, architecture = sys.argv
    with np.load(Path(directory) / "samples.npz") as a:
        fit(
            Samples(a["a"], a["b"], a["c"]), Samples(a["d"], a["e"], a["f"]),
            options=TrainingOptions.model_validate_json(options), checkpoints=Path(directory) / "checkpoints",
            architecture=eval(architecture), on_epoch=lambda progress: print(progress.epoch, flush=True),
        )
"""


@pytest.mark.slow
def test_killed_at_any_moment_training_goes_on_to_the_same_result(
    case: Case, uninterrupted: Fitted, tmp_path: Path
) -> None:
    arrays = dict(zip("abcdef", (*case.training, *case.validation), strict=True))
    np.savez(tmp_path / "samples.npz", **arrays)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), OPTIONS.model_dump_json()]
    # two lives of one training, each killed without warning a little after an epoch
    for after, delay in ((1, 0.0), (3, 0.02)):
        with subprocess.Popen(
            [*command, repr(case.architecture)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() == str(after):
                    break
            time.sleep(delay)
            process.kill()
        assert process.returncode == -9
    resumed = case.fit(tmp_path / "checkpoints")
    assert resumed.resumed_after >= 3
    assert resumed.progress == uninterrupted.progress
    assert_same(resumed.parameters, uninterrupted.parameters)


def test_training_stops_without_gain_and_keeps_the_best(case: Case, tmp_path: Path) -> None:
    # classes at random in validation: what is learned makes the validation loss worse
    random = Samples(case.validation.flux, np.roll(case.validation.label, 1), case.validation.weight)
    options = OPTIONS.model_copy(update={"epochs": 40, "patience": 2})
    fitted = case.fit(tmp_path, options, validation=random)
    progress = fitted.progress
    assert progress.epoch == progress.best_epoch + 1 + 2 < 40
    assert progress.best_loss == min(progress.validation_loss)


def test_other_data_or_settings_never_resume(case: Case) -> None:
    def key(
        training: Samples = case.training, options: TrainingOptions = OPTIONS, *, minmax: bool = False
    ) -> str:
        return fingerprint(
            training, case.validation, options=options, architecture=case.architecture, minmax=minmax
        )

    changed = case.training.flux.copy()
    changed[0, 0] += 1
    others = {
        key(case.training._replace(flux=changed)),
        key(options=OPTIONS.model_copy(update={"learning_rate": 0.02})),
        key(minmax=True),
    }
    assert key() == key()
    assert len(others | {key()}) == 4


def test_divergence_is_said_with_a_remedy(case: Case, tmp_path: Path) -> None:
    flux = case.training.flux.copy()
    flux[5] = np.nan
    with pytest.raises(UserError, match=r"training diverged in epoch 1 .* lower the learning rate"):
        case.fit(tmp_path, training=case.training._replace(flux=flux))


def test_an_empty_side_is_refused(case: Case, tmp_path: Path) -> None:
    nothing = Samples(*(array[:0] for array in case.training))
    with pytest.raises(UserError, match="at least one star on either side"):
        case.fit(tmp_path, training=nothing)


def test_batches_have_one_size_and_hold_every_row_once() -> None:
    parts = list(batches(10, size=4, order=np.arange(10)[::-1]))
    assert [part.rows.shape for part in parts] == [(4,)] * 3
    valid = np.concatenate([part.rows[part.valid > 0] for part in parts])
    assert valid.tolist() == list(range(9, -1, -1))
