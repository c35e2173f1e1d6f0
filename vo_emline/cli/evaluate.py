"""``vo-emline evaluate``: how good a trained run is on real spectra of the survey."""

from __future__ import annotations

from pathlib import Path

import click

RUN = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Measure a trained run on real spectra; a report and a model card.")
@click.argument("run", type=RUN, metavar="RUN")
@click.option(
    "--negatives",
    required=True,
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Survey spectra without emission: files or folders, or a store of `vo-emline ingest`.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Labels of some of them, columns id,label: those with emission or unknown are no negatives.",
)
@click.option(
    "--rival",
    "rivals",
    multiple=True,
    type=RUN,
    metavar="RUN",
    help="Another trained run, to be measured on the same spectra.",
)
@click.option(
    "--emission",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Real spectra with emission: how many are found, and their profiles put into the negatives.",
)
@click.option("--held-out", is_flag=True, help="Leave out stars that the run was trained on.")
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where evaluation.json, report.html, model-card.md and figures/ go.",
)
@click.option(
    "--injections",
    type=click.IntRange(min=100),
    default=1500,
    show_default=True,
    help="Spectra that get emission of known strength and shape.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def evaluate(
    *,
    run: Path,
    negatives: tuple[Path, ...],
    labels: Path | None,
    rivals: tuple[Path, ...],
    emission: tuple[Path, ...],
    held_out: bool,
    output: Path,
    injections: int,
    seed: int,
) -> None:
    """Measure a trained run on real spectra of the survey, next to baselines.

    \b
    Examples:
      vo-emline evaluate my-run --negatives lamost-negatives/ --output evaluation
      vo-emline evaluate my-run --negatives lamost-store --labels known.csv --output evaluation

    False positives on real negatives by S/N and spectral type; completeness by injection and recovery;
    calibration at a stated prevalence; what a random split hides. Every share has its 95 % interval.
    More than 99 % of a survey's spectra show no emission: name those that do in --labels.
    """
    from vo_emline.cli.messages import remark
    from vo_emline.evaluate.report import headline_text, write_report
    from vo_emline.runs.evaluation import evaluate_run

    found = evaluate_run(
        run,
        negatives,
        labels=labels,
        rivals=rivals,
        emission=emission,
        held_out=held_out,
        seed=seed,
        injections=injections,
        say=remark,
    )
    page = write_report(found, output, command=_command(click.get_current_context()))
    click.echo(headline_text(found.data["headline"]))
    remark(f"report in {page}")


def _command(context: click.Context) -> str:
    """Write the command that was given, with the names of files and not where they lie."""
    words = ["vo-emline", context.command.name or ""]
    for parameter in context.command.params:
        given = context.params[parameter.name or ""]
        option = [] if isinstance(parameter, click.Argument) else [parameter.opts[0]]
        if given is True:
            words += option
        elif parameter.name != "output" and given is not None and given is not False:
            for value in given if isinstance(given, tuple) else (given,):
                words += [*option, value.name if isinstance(value, Path) else str(value)]
    return " ".join(words)
