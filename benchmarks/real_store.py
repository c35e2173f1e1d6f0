"""How long a store of real windows takes to candidates, what is expected of each star included.

``make bench-real SURVEY=DIR [REAL="--n 200_000 2_000_000"]`` or
``python benchmarks/real_store.py --survey DIR``. The windows of the spectra found are written over and over,
each with other noise of half their own, and go through ``vo-emline classify-survey`` as a user starts it.
CPU time counts all processes; where a machine is busy, half of it is what two cores would need.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from process_tree import watch

from vo_emline.files import require_space
from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.preprocess.windows import Prepared
from vo_emline.spectra import find_spectra
from vo_emline.survey.store import KIND, WindowStore
from vo_emline.survey.work import prepare_files

SHARD: Final = 10_000
BYTES: Final = 3_500
"""Disk for each window of a store, with its indices, and its scores."""
SHARE_OF_NOISE: Final = 0.5


def main() -> None:
    """Run the benchmark and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survey", type=Path, nargs="+", required=True, help="folders of real spectra")
    parser.add_argument("--n", type=int, nargs="+", default=[200_000], help="windows")
    parser.add_argument("--workers", type=int, default=0, help="as of classify-survey")
    parser.add_argument("--directory", type=Path, help="where the store is put meanwhile")
    options = parser.parse_args()
    files = [str(path) for path in find_spectra(options.survey)]
    windows = prepare_files(files, PreprocessOptions()).windows
    for number in options.n:
        with tempfile.TemporaryDirectory(prefix="real-", dir=options.directory) as folder:
            place = Path(folder)
            require_space(place, BYTES * number)
            fill(place / "store", windows, number)
            command = [sys.executable, "-m", "vo_emline", "-q", "classify-survey", str(place / "store")]
            run = watch([*command, "--output", str(place / "output"), "--workers", str(options.workers)])
            sys.stdout.write(
                f"{number} windows of {len(windows)} real spectra: {run.seconds:.1f} s, "
                f"{run.cpu_seconds:.1f} s of CPU time, {run.cpu_seconds / number * 1e6:.0f} µs each, "
                f"{run.peak_mb:.0f} MB\n"
            )
            shutil.rmtree(place / "output")


def fill(directory: Path, windows: WindowSet, number: int) -> None:
    """Write a store of `number` windows like these."""
    options = PreprocessOptions()
    store = WindowStore(directory)
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    facts = {"inputs": number, "inputs_sha256": digest, "shard_size": SHARD, "kind": KIND}
    store.claim(facts | {"preprocess": options.model_dump(mode="json")})
    random = np.random.default_rng(number)
    for shard in store.shards():
        some = windows.take(random.integers(0, len(windows), store.size(shard.number)))
        known = some.ivar > 0
        sigma = np.where(known, 1.0 / np.sqrt(np.where(known, some.ivar, 1.0)), 0.0)
        noise = SHARE_OF_NOISE * sigma * random.standard_normal(some.flux.shape)
        varied = replace(some, flux=(some.flux + noise).astype(np.float32))
        store.write(shard, Prepared(varied, ()), preprocess=options)


if __name__ == "__main__":
    main()
