"""``vo-emline classify``: any files with a trained run, one row per spectrum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from vo_emline.cli.options import FOLDER_OR_FILE, run_option, scoring, survey_overrides

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SHOWN: Final = 40
"""Candidates that are printed; the table has all."""


@click.command(short_help="Classify FITS files or folders.")
@click.argument("paths", nargs=-1, required=True, type=FOLDER_OR_FILE, metavar="PATH...")
@run_option
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Result; the suffix chooses: .csv, .vot, .parquet, .fits, .ecsv.",
)
@click.option(
    "--each",
    is_flag=True,
    help="Take every spectrum of a file with several, also where it does not say whose they are.",
)
@scoring
def classify(
    *, paths: tuple[Path, ...], run_directory: Path | None, output: Path, each: bool, **options: Any
) -> None:
    """Classify spectra of any layout; one row per spectrum.

    \b
    Examples:
      vo-emline classify spectrum.fits.gz --output result.csv
      vo-emline classify lamost/20120101/ --run my-run --output result.vot
      vo-emline classify coadd.fits 'stars.fits#row=2' 'pair.fits[1]' --output result.csv
      vo-emline classify lamost-store/ --run my-run --output result.parquet   (of vo-emline ingest)
      vo-emline classify selection.vot --output result.csv      (a list or table with a column of files)

    Columns: file, label, p_absorption, p_emission, p_double_peak, score, snr_r, obsid, designation, ra, dec,
    and more. A file that cannot be classified keeps its row, with an empty label and the reason. Printed are
    the candidates, then how many of each label, then what was not classified or passed over, and why.
    """
    from vo_emline.candidates import CLASSIFIED, write_table
    from vo_emline.candidates.output import output_writer
    from vo_emline.cli.messages import remark, remark_passed_over
    from vo_emline.files import require_writable
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
    from vo_emline.runs.classify import classify_paths, classify_windows
    from vo_emline.runs.settings import survey_options
    from vo_emline.spectra import PassedOver, find_spectra
    from vo_emline.survey import find_store

    model = RunDirectory(run_directory).model if run_directory else DEFAULT_MODEL
    output_writer(output)  # an unknown suffix or place is refused before the work begins
    require_writable(output)
    chosen = survey_options(run_directory, survey_overrides(options))
    store = find_store(paths)
    passed_over = PassedOver()
    if store is None:
        files = find_spectra(paths, passed_over=passed_over, each=each)
        rows = classify_paths(files, model, options=chosen)
    else:
        rows = classify_windows(store, model, options=chosen)
    write_table(rows, output, description=CLASSIFIED)
    for line in found(rows):
        remark(line)
    remark_passed_over(passed_over)
    remark(f"{len(rows):8d}  rows in {output}")


def found(rows: pa.Table) -> list[str]:
    """Say what was found: candidates, then labels, then why spectra were not classified.

    Parameters
    ----------
    rows
        Columns of :data:`~vo_emline.candidates.columns.CLASSIFIED`.

    Returns
    -------
    list of str
        Lines of text.
    """
    from collections import Counter

    from vo_emline.labels import ABSORPTION, LABELS

    wanted = ("file", "label", "score", "ew", "ew_error", "line_significance", "designation", "flags")
    listed = rows.select(wanted).to_pylist()
    candidates = [row for row in listed if row["label"] not in {"", LABELS[ABSORPTION]}]
    candidates.sort(key=lambda row: -row["score"])
    lines = [_line(row) for row in candidates[:MOST_SHOWN]]
    if lines:
        lines.insert(0, f"{'candidate':34s} {'label':12s} {'score':>5s} {'EW (Å)':>16s} {'signif.':>8s}")
    if len(candidates) > MOST_SHOWN:
        lines.append(f"… and {len(candidates) - MOST_SHOWN} more candidates in the table")
    labels = Counter(row["label"] for row in listed if row["label"])
    lines += [f"{count:8d}  {label}" for label, count in labels.most_common()]
    refused = [row for row in listed if not row["label"]]
    reasons = Counter(row["flags"] for row in refused)
    first = {row["flags"]: row["file"] for row in reversed(refused)}
    for code, count in reasons.most_common():
        name = Path(first[code]).name
        lines.append(f"{count:8d}  not classified: {code} ({name}{', …' if count > 1 else ''})")
    return lines


def _line(row: dict[str, Any]) -> str:
    """Say one candidate: name, label, score, EW ± error, significance, and its flags."""
    name = row["designation"] or Path(row["file"]).name
    width = "" if row["ew"] is None else f"{row['ew']:.2f} ± {row['ew_error'] or 0:.2f}"
    significance = "" if row["line_significance"] is None else f"{row['line_significance']:.1f}"
    text = f"{name[:34]:34s} {row['label']:12s} {row['score']:5.3f} {width:>16s} {significance:>8s}"
    return f"{text}  {row['flags']}".rstrip()
