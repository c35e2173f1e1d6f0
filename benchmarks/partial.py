"""What filling an unfinished window does: real spectra and lines put into them, cut on purpose.

``python benchmarks/partial.py [--survey DIR…] [--files N] [--output DIR]``. Every spectrum is classified
whole and cut to end (or begin) within the window; labels, scores and the calibration of both are compared.
The lines are Gaussians of known equivalent width and velocity, single or double, put into real spectra that
are called absorption.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.labels import ABSORPTION
from vo_emline.preprocess.prepare import prepare
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.spectra import HALPHA_VAC, Spectrum, find_spectra, read_or_reject
from vo_emline.spectra.spectrum import Coverage
from vo_emline.survey import SurveyOptions
from vo_emline.survey.model import check_model, load_scorer
from vo_emline.survey.work import predict

SHARED: Final = Path(__file__).parents[2] / "shared"
CUTS: Final[tuple[tuple[str, float, float], ...]] = (
    ("ends at 6700", 0.0, 6700.0),
    ("ends at 6670", 0.0, 6670.0),
    ("ends at 6640", 0.0, 6640.0),
    ("ends at 6612", 0.0, 6612.0),
    ("begins at 6521", 6521.0, 9e9),
    ("6521 to 6612", 6521.0, 6612.0),
)


@dataclass(frozen=True)
class Set:
    """Spectra, and whether each truly has emission."""

    name: str
    spectra: list[Spectrum]
    truth: FloatArray | None


def cut(spectrum: Spectrum, first: float, last: float) -> Spectrum:
    """Leave out what is outside of two wavelengths, as if the file ended there."""
    wave = spectrum.wavelength_vac
    keep = (wave >= first) & (wave <= last)
    part = {
        name: None if getattr(spectrum, name) is None else getattr(spectrum, name)[keep]
        for name in ("wavelength_vac", "flux", "ivar", "mask", "normalised_flux")
    }
    coverage = spectrum.coverage
    kept = wave[keep]
    whole = Coverage(
        wave_min=float(kept[0]), wave_max=float(kept[-1]), n_pixels=kept.size,
        resolving_power=coverage.resolving_power, normalised=coverage.normalised,
        layout=coverage.layout, file_size=coverage.file_size,
    )  # fmt: skip
    return replace(spectrum, **part, whole=whole)


def inject(spectrum: Spectrum, dice: np.random.Generator) -> Spectrum:
    """Put a line into a spectrum: EW 0.5 to 15 Å, σ 1.5 to 5 Å, in two cases of five double."""
    wave = spectrum.wavelength_vac
    near = (np.abs(wave - HALPHA_VAC) > 40) & (np.abs(wave - HALPHA_VAC) < 90) & ~spectrum.mask
    level = abs(float(np.median(spectrum.flux[near])))
    width, sigma = np.exp(dice.uniform(np.log(0.5), np.log(15))), dice.uniform(1.5, 5)
    centre = HALPHA_VAC * (1 + dice.normal(0, 50) / 299_792.458)
    apart = dice.uniform(1.2, 2.2) * sigma if dice.random() < 0.4 else 0.0
    shape = sum(np.exp(-0.5 * ((wave - centre - side * apart) / sigma) ** 2) for side in (-1, 1))
    line = level * width * shape / (2 * sigma * np.sqrt(2 * np.pi))
    return replace(spectrum, flux=spectrum.flux + line)


def scores(spectra: list[Spectrum]) -> tuple[FloatArray, list[str]]:
    """Give the probabilities of spectra, shape (n, 3), NaN where there is no window, and what was flagged."""
    options = SurveyOptions(cascade=False)
    named = [replace(one, identity=replace(one.identity, source=str(i))) for i, one in enumerate(spectra)]
    windows, rejects = prepare(named, check_model(DEFAULT_MODEL).preprocess)
    from vo_emline.preprocess.windows import Prepared

    found = predict(Prepared(windows, tuple(rejects)), load_scorer(DEFAULT_MODEL, options), options=options)
    values = np.full((len(spectra), 3), np.nan)
    values[windows.identity["source"].to_numpy().astype(int)] = found.probability
    return values, windows.identity["read_flags"].to_pylist()


def ece(score: FloatArray, truth: FloatArray) -> float:
    """Give the expected calibration error of the score, ten bins."""
    bins = np.minimum((score * 10).astype(int), 9)
    parts = [(bins == b) for b in range(10) if (bins == b).any()]
    return float(sum(p.mean() * abs(score[p].mean() - truth[p].mean()) for p in parts))


HEAD: Final = """| cut | classified | same label | change of score, median | 95 % | positive | ECE |
|---|---|---|---|---|---|---|"""


def compared(whole: FloatArray, part: FloatArray, of: Set, both: BoolArray) -> str:
    """Compare probabilities of whole and of cut spectra, shape (n, 3)."""
    change = np.abs(whole[:, 1:].sum(1) - part[:, 1:].sum(1))
    same = (whole.argmax(1) == part.argmax(1)).mean()
    called = " / ".join(f"{(x.argmax(1) != ABSORPTION).mean():.1%}" for x in (whole, part))
    truth = of.truth
    error = "–"
    if truth is not None:
        error = " / ".join(f"{ece(x[:, 1:].sum(1), truth[both]):.3f}" for x in (whole, part))
    return f"{same:.1%} | {np.median(change):.4f} | {np.quantile(change, 0.95):.3f} | {called} | {error}"


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Compare, and print a table; draw where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--survey", type=Path, nargs="*", default=[SHARED / "field" / "lamost-dr10"])
    parser.add_argument("--emission", type=Path, nargs="*", default=[SHARED / "field" / "sdss-cv"])
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    dice = np.random.default_rng(11)

    def some(paths: list[Path]) -> list[Spectrum]:
        return [
            s for p in find_spectra(paths)[: chosen.files] if isinstance(s := read_or_reject(p), Spectrum)
        ]

    real = some(chosen.survey)
    hosts = [one for one, p in zip(real, scores(real)[0], strict=True) if p[ABSORPTION] > 0.9]
    injected = [inject(one, dice) for one in hosts]
    mixed = Set("injected and not", hosts + injected, np.r_[np.zeros(len(hosts)), np.ones(len(hosts))])
    drawn = {}
    for one in (Set("real survey", real, None), Set("real emission", some(chosen.emission), None), mixed):
        whole, _ = scores(one.spectra)
        say(f"\n{one.name}: {len(one.spectra)}\n{HEAD}")
        for name, first, last in CUTS:
            part, _ = scores([cut(s, first, last) for s in one.spectra])
            both = np.isfinite(whole[:, 0]) & np.isfinite(part[:, 0])
            drawn[one.name, name] = (whole[both, 1:].sum(1), part[both, 1:].sum(1))
            say(f"| {name} | {both.sum()} | {compared(whole[both], part[both], one, both)} |")
    if chosen.output:
        draw(drawn, chosen.output)


def draw(drawn: dict[tuple[str, str], tuple[FloatArray, FloatArray]], folder: Path) -> None:
    """Draw the score of cut spectra over that of whole ones."""
    import matplotlib.pyplot as plt

    names = [name for name, *_ in CUTS[:4]]
    figure, axes = plt.subplots(1, len(names), figsize=(12, 3.3), sharey=True, layout="constrained")
    for axis, name in zip(axes, names, strict=True):
        for kind, colour in (
            ("injected and not", "tab:blue"),
            ("real survey", "0.5"),
            ("real emission", "tab:red"),
        ):
            axis.plot(*drawn[kind, name], ".", ms=3, color=colour, alpha=0.5, label=kind)
        axis.plot([0, 1], [0, 1], "k-", lw=0.5)
        axis.set(title=name + " Å", xlabel="score, whole")
    axes[0].set_ylabel("score, cut and filled")
    axes[0].legend(fontsize=7)
    figure.savefig(folder / "partial.png", dpi=110)


if __name__ == "__main__":
    main()
