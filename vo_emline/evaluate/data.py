"""The real spectra of an evaluation: read, and told apart by what is known of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS, UNKNOWN
from vo_emline.preprocess import PreprocessOptions, WindowSet, concatenate
from vo_emline.progress import track
from vo_emline.spectra import find_spectra
from vo_emline.spectra.names import short_name
from vo_emline.survey import find_store, prepare_files
from vo_emline.survey.flags import signal_to_noise
from vo_emline.training import Examples, match_labels, read_labels
from vo_emline.training.examples import NAMING, stars_of
from vo_emline.training.simulated import ORIGIN as SIMULATED

CHUNK: Final = 1000
"""Files that are read together."""


_TYPE = re.compile(r"^(?:sd|[dgu])?([OBAFGKM])(?=\d|$)")


def spectral_types(windows: WindowSet) -> list[str]:
    """Give the letter of each spectral type; galaxies and quasars by their class, the rest as ``other``."""
    pairs = zip(
        windows.identity["spectral_class"].to_pylist(),
        windows.identity["spectral_subclass"].to_pylist(),
        strict=True,
    )
    return [_type_of(kind or "", subclass or "") for kind, subclass in pairs]


def _type_of(kind: str, subclass: str) -> str:
    if kind in {"GALAXY", "QSO"}:
        return kind.lower()
    found = _TYPE.match(subclass)
    return found.group(1) if found else "other"


def describe(windows: WindowSet) -> dict[str, Any]:
    """Say what spectra these are: how many, of which releases and types, and their S/N."""
    snr = signal_to_noise(windows)
    known = snr[np.isfinite(snr)]
    return {
        "spectra": len(windows),
        "releases": dict(Counter(windows.identity["release"].to_pylist()).most_common()),
        "types": dict(sorted(Counter(spectral_types(windows)).items())),
        "snr_quartiles": np.quantile(known, [0.25, 0.5, 0.75]).round(1).tolist() if known.size else [],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectra:
    """Real spectra of the survey, by what is known of them."""

    negatives: WindowSet
    labelled: Examples
    """Those with a label, negatives among them."""
    rejects: int
    """Files that have no window."""
    set_aside: int
    """Spectra labelled ``unknown``."""

    def without(self, unwanted: npt.NDArray[np.bool_]) -> Spectra:
        """Leave out some of the negatives.

        Raises
        ------
        UserError
            None is left.
        """
        if unwanted.all():
            raise UserError("all negatives are of stars the run was trained on; give others")
        return replace(self, negatives=self.negatives.take(~unwanted))

    def describe(self) -> dict[str, Any]:
        """Say what the negatives are (:func:`~vo_emline.evaluate.describe`), and what is not among them."""
        return {**describe(self.negatives), "rejects": self.rejects, "set_aside": self.set_aside}


def seen_in_training(
    windows: WindowSet, examples: Examples | None, *, others: pa.Table | None = None
) -> npt.NDArray[np.bool_]:
    """Tell the windows of stars that a network was trained on, shape (n,).

    Parameters
    ----------
    windows
        Windows of survey spectra.
    examples
        The training set; None where it is not at hand, and nothing is known.
    others
        Spectra that taught the model otherwise, columns :data:`~vo_emline.training.examples.NAMING`.
    """
    known = [] if others is None else [others]
    if examples is not None:
        known.append(examples.windows.identity.take(np.flatnonzero(np.array(examples.origin) != SIMULATED)))
    if not known:
        return np.zeros(len(windows), dtype=bool)
    tables = [windows.identity, *known]
    star = stars_of(pa.concat_tables([table.select(list(NAMING)) for table in tables]))
    return np.isin(star[: len(windows)], star[len(windows) :])


def gather_spectra(paths: Sequence[Path], labels: Path | None, *, preprocess: PreprocessOptions) -> Spectra:
    """Read survey spectra and tell those without emission from the others.

    Raises
    ------
    UserError
        None is left, or the labels cannot be read.
    """
    windows, rejects = _windows(paths, labels, preprocess=preprocess)
    words = read_labels(labels) if labels is not None else {}
    label = match_labels(windows.identity, words).label
    unknown = {short_name(name) for name, word in words.items() if word == UNKNOWN}
    names = [short_name(source) for source in windows.identity["source"].to_pylist()]
    aside = np.array([name in unknown for name in names], dtype=bool)
    negative = (label <= ABSORPTION) & ~aside
    if not negative.any():
        raise UserError("there are no negatives: no spectrum has a window, or all are labelled as emission")
    return Spectra(
        negatives=windows.take(negative),
        labelled=Examples.of(windows, label, origin="survey"),
        rejects=rejects,
        set_aside=int(aside.sum()),
    )


def _windows(
    paths: Sequence[Path], labels: Path | None, *, preprocess: PreprocessOptions
) -> tuple[WindowSet, int]:
    store = find_store(paths)
    if store is not None:
        store.require(preprocess)
        return concatenate(list(store.windows())), sum(map(len, store.batches("rejects")))
    files = [
        str(path) for path in find_spectra(paths) if labels is None or path.resolve() != labels.resolve()
    ]
    chunks = [files[first : first + CHUNK] for first in range(0, len(files), CHUNK)]
    parts = [prepare_files(chunk, preprocess) for chunk in track(chunks, "reading", unit="parts")]
    return concatenate([part.windows for part in parts]), sum(len(part.rejects) for part in parts)


def gather_emission(
    paths: Sequence[Path], labels: Path | None, *, preprocess: PreprocessOptions
) -> WindowSet:
    """Read spectra with emission; those that the labels call absorption or unknown are passed over.

    Raises
    ------
    UserError
        None is left, or the labels cannot be read.
    """
    windows, _ = _windows(paths, labels, preprocess=preprocess)
    words = read_labels(labels) if labels is not None else {}
    other = {short_name(name) for name, word in words.items() if word in (UNKNOWN, LABELS[ABSORPTION])}
    names = [short_name(source) for source in windows.identity["source"].to_pylist()]
    kept = np.array([name not in other for name in names], dtype=bool)
    if not kept.any():
        raise UserError("there is no spectrum with emission: none has a window, or the labels call all else")
    return windows.take(kept)
