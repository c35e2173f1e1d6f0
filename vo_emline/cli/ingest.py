"""``vo-emline ingest``: a mirror of files to a store of windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_emline.cli.options import (
    FOLDER_OR_FILE,
    medium_option,
    shard_size_option,
    windows_of_run_option,
    workers_option,
)

if TYPE_CHECKING:
    from vo_emline.spectra import Medium


@click.command(short_help="Read a mirror of files once, into a store of windows.")
@click.argument("paths", nargs=-1, required=True, type=FOLDER_OR_FILE, metavar="DIR...")
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="STORE",
    help="The store; an interrupted ingest goes on when started again.",
)
@windows_of_run_option
@workers_option
@shard_size_option
@medium_option
def ingest(
    *,
    paths: tuple[Path, ...],
    output: Path,
    run_directory: Path | None,
    workers: int | None,
    shard_size: int | None,
    medium: Medium | None,
) -> None:
    """Read of every spectrum what the network sees, and keep it in a store.

    \b
    Examples:
      vo-emline ingest lamost/ --output lamost-store
      vo-emline run --training ondrejov/ --labels labels.csv --survey lamost-store --output my-run
      vo-emline classify lamost-store --run my-run --output result.parquet

    The store holds the window around Hα, its inverse variance and who the spectrum is: about 1.4 kB for each,
    in files that are mapped and not loaded. What cannot be used is listed with the reason.
    """
    from vo_emline.cli.messages import remark, remark_passed_over
    from vo_emline.preprocess import PreprocessOptions
    from vo_emline.rundir import RunDirectory
    from vo_emline.spectra import PassedOver, iter_spectra
    from vo_emline.survey.ingest import ingest as ingest_files
    from vo_emline.survey.options import SHARD_SIZE
    from vo_emline.training.description import ModelDescription

    preprocess = PreprocessOptions()
    if run_directory is not None:
        preprocess = ModelDescription.read(RunDirectory(run_directory).model).preprocess
    passed_over = PassedOver()
    summary = ingest_files(
        iter_spectra(paths, passed_over=passed_over),
        output,
        preprocess=preprocess,
        medium=medium,
        shard_size=shard_size or SHARD_SIZE,
        workers=workers or 0,
    )
    remark(f"{summary.windows:10d}  windows in {output}")
    for code, count in summary.rejects.items():
        remark(f"{count:10d}  {code}")
    remark_passed_over(passed_over, width=10)
