"""``vo-emline classify``: any files with a trained run, one row per file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from vo_emline.cli.options import run_option, scoring, survey_overrides


@click.command(short_help="Classify FITS files or folders.")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH..."
)
@run_option
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Result; the suffix chooses: .csv, .vot, .parquet, .fits, .ecsv.",
)
@scoring
def classify(*, paths: tuple[Path, ...], run_directory: Path | None, output: Path, **options: Any) -> None:
    """Classify spectra of any layout; one row per input file.

    \b
    Examples:
      vo-emline classify spectrum.fits.gz --output result.csv
      vo-emline classify lamost/20120101/ --run my-run --output result.vot
      vo-emline classify lamost-store/ --run my-run --output result.parquet   (of vo-emline ingest)

    Columns: file, label, p_absorption, p_emission, p_double_peak, score, snr_r, obsid, designation, ra, dec,
    and more. A file that cannot be classified keeps its row, with an empty label and the reason.
    """
    from vo_emline.candidates import CLASSIFIED, write_table
    from vo_emline.candidates.output import output_writer
    from vo_emline.cli.messages import remark
    from vo_emline.files import require_writable
    from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
    from vo_emline.runs.classify import classify_paths, classify_windows
    from vo_emline.runs.settings import survey_options
    from vo_emline.spectra import find_spectra
    from vo_emline.survey import find_store

    model = RunDirectory(run_directory).model if run_directory else DEFAULT_MODEL
    output_writer(output)  # an unknown suffix or place is refused before the work begins
    require_writable(output)
    chosen = survey_options(run_directory, survey_overrides(options))
    store = find_store(paths)
    if store is None:
        rows = classify_paths(find_spectra(paths), model, options=chosen)
    else:
        rows = classify_windows(store, model, options=chosen)
    write_table(rows, output, description=CLASSIFIED)
    for label, count in Counter(rows["label"].to_pylist()).most_common():
        remark(f"{count:8d}  {label or 'not classified'}")
    remark(f"{len(rows):8d}  files in {output}")
