"""Checkpoints where there is no room for them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

FULL = """
    import asyncio, gc, resource, sys
    from pathlib import Path
    import jax.numpy as jnp
    import numpy as np
    from vo_emline.errors import UserError
    from vo_emline.training.checkpoints import Checkpoints, Progress, TrainState

    noise = np.random.default_rng(0).normal(size=(300, 300))  # cannot be compressed
    arrays = {f"w{i}": jnp.asarray(noise, dtype=jnp.float32) for i in range(6)}  # several writes fail at once
    state = TrainState(arrays, arrays, arrays)
    with Checkpoints(Path(sys.argv[1]), fingerprint="a" * 16) as checkpoints:
        checkpoints.save(state, Progress(epoch=1))
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, usual[1]))
        try:
            checkpoints.save(state, Progress(epoch=2))
        except UserError as error:
            print(error)
    # whether a second write failed too is chance: here one does, and nobody waits for it
    async def unheard():
        async def write():
            raise ValueError("orbax: Error writing [os_error_code='27']")
        asyncio.create_task(write())
        await asyncio.sleep(0.01)
    asyncio.run(unheard())
    gc.collect()
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    with Checkpoints(Path(sys.argv[1]), fingerprint="a" * 16) as checkpoints:
        restored = checkpoints.restore(state)
        print("restored epoch", restored[1].epoch)
        checkpoints.save(state, Progress(epoch=2))
        print("restored epoch", checkpoints.restore(state)[1].epoch)
"""


@pytest.mark.slow
def test_a_full_disk_is_said_in_one_line_and_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    message, *restored = ran.stdout.splitlines()
    assert message.startswith(f"no room to write {tmp_path} (the file may not grow so large); make room")
    assert restored == ["restored epoch 1", "restored epoch 2"]
    assert "orbax" not in ran.stderr  # none of the tracebacks of its threads
