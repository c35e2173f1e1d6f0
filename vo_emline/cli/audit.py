"""``vo-emline audit``: the quality of a whole catalogue from a few hundred labelled spectra."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(short_help="Prevalence, precision and recall of a catalogue from a sample that people label.")
def audit() -> None:
    """Measure a whole catalogue without a labelled set.

    \b
      vo-emline audit draw my-survey --size 600 --output sample.csv
      ... fill in the column label: absorption, emission, double-peak or unknown ...
      vo-emline audit estimate sample.csv
    """


@audit.command(short_help="Draw spectra to label, predicted negatives among them.")
@click.argument("catalogue", type=click.Path(exists=True, path_type=Path), metavar="RUN|SURVEY|RELEASE")
@click.option(
    "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="CSV", help="Sample."
)
@click.option(
    "--size", type=click.IntRange(min=1), default=600, show_default=True, help="How many spectra to label."
)
@click.option(
    "--allocation",
    type=click.Choice(["optimal", "equal"]),
    default="optimal",
    show_default=True,
    help="Spectra per stratum: for the least variance of the prevalence, or alike.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def draw(*, catalogue: Path, output: Path, size: int, allocation: str, seed: int) -> None:
    """Draw a random sample of classified spectra, stratified by score and predicted class.

    Each row names a file and leaves its label blank; `weight` is the number of
    spectra of the catalogue it stands for. The order is random: label from the
    top, and cover score and prediction while you do.
    """
    from typing import cast

    from vo_emline.cli.messages import remark
    from vo_emline.evaluate.audit import Allocation, write_sample
    from vo_emline.evaluate.audit import draw as draw_sample
    from vo_emline.runs.publish import open_catalogue

    with open_catalogue(catalogue) as classified:
        sample = draw_sample(classified, size, seed=seed, allocation=cast("Allocation", allocation))
        write_sample(output, sample)
        remark(f"{len(sample)} of {len(classified)} spectra to label in {output}")


@audit.command("estimate", short_help="Estimate from the labelled sample.")
@click.argument("sample", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="JSON", help="Also write it as JSON."
)
def estimate_command(*, sample: Path, output: Path | None) -> None:
    """Estimate prevalence, precision and recall of the whole catalogue, each with its 95 % interval.

    Rows without a label, or labelled unknown, count as not drawn.
    """
    from dataclasses import asdict

    from vo_emline.evaluate.audit import estimate, read_sample
    from vo_emline.files import write_json

    labelled = read_sample(sample)
    found = estimate(labelled.strata).to_dict()
    for name, figure in found.items():
        click.echo(f"{name:<11}{_share(figure['value'])}  (95 %: {_share(figure['interval'][0])} to "
                   f"{_share(figure['interval'][1])})")  # fmt: skip
    count = sum(stratum.labelled for stratum in labelled.strata)
    total = sum(stratum.size for stratum in labelled.strata)
    click.echo(
        f"{count} labelled of {total} spectra; {labelled.blank} blank, {labelled.unknown} unknown", err=True
    )
    if output is not None:
        write_json(output, {**found, "strata": [asdict(stratum) for stratum in labelled.strata]})


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2%}"
