"""The evaluation of a small trained run, through the program, and what it writes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from vo_emline.cli import app
from vo_emline.errors import UserError
from vo_emline.evaluate.data import gather_spectra
from vo_emline.evaluate.lines import line_quality, simulated_lines
from vo_emline.evaluate.report import blindness, draw, write_report
from vo_emline.files import write_json
from vo_emline.measure.quantities import measure_emission
from vo_emline.preprocess import PreprocessOptions
from vo_emline.rundir import RunDirectory
from vo_emline.runs.evaluation import evaluate_run
from vo_emline.runs.examples import write_examples
from vo_emline.runs.train import SPECTRA_FILE
from vo_emline.simulate import simulate_windows, write_lamost
from vo_emline.survey import SurveyOptions, classify_survey, prepare_files
from vo_emline.survey.ingest import ingest
from vo_emline.training import Examples, TrainingOptions, join, simulated_examples, train
from vo_emline.training.architecture import Architecture
from vo_emline.training.description import ModelDescription
from vo_emline.training.examples import NAMING

pytestmark = pytest.mark.slow
N_SURVEY = 80


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a small network that was trained for a moment, and its training set."""
    directory = RunDirectory(tmp_path_factory.mktemp("runs") / "small")
    labelled = simulated_examples(
        simulate_windows(120, seed=41, per_star=2, survey="ondrejov"), origin="labelled"
    )
    examples = join([labelled, simulated_examples(simulate_windows(700, seed=42))])
    trained = train(
        examples,
        directory.model,
        options=TrainingOptions(epochs=3, augment=None),
        architecture=Architecture(convolutions=(8, 16), hidden=(32,)),
    )
    write_json(directory.metrics, trained.metrics)
    write_examples(directory.training, examples, rejects=[], options=PreprocessOptions())
    return directory.root


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """LAMOST files, some with emission, and the labels of those."""
    folder = tmp_path_factory.mktemp("lamost")
    truth = write_lamost(folder, n_stars=N_SURVEY, seed=43).truth
    labels = folder / "known.csv"
    rows = zip(truth["file"].to_pylist(), truth["label"].to_pylist(), strict=True)
    some = [f"{Path(name).name},{label}" for name, label in rows if label != "absorption"]
    labels.write_text("\n".join(["id,label", *some]))
    return folder, labels


@pytest.fixture(scope="module")
def emission(survey: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the spectra with emission."""
    folder = tmp_path_factory.mktemp("emission")
    known = {line.split(",")[0] for line in survey[1].read_text().splitlines()[1:]}
    for path in survey[0].rglob("*.fits*"):
        if path.name in known:
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def report(
    run: Path, survey: tuple[Path, Path], emission: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a report, made by the program."""
    output = tmp_path_factory.mktemp("report")
    arguments = ["evaluate", run, "--negatives", survey[0], "--labels", survey[1], "--rival", run]
    arguments += ["--emission", emission]
    result = CliRunner().invoke(
        app, [*map(str, arguments), "--output", str(output), "--injections", "200"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert "completeness, lines over 10 σ(EW)" in result.output
    return output


def test_observed_emission_is_judged_and_said_to_be_blind(report: Path, emission: Path) -> None:
    observed = json.loads((report / "evaluation.json").read_text())["observed"]
    assert observed["seen_in_training"] == 0
    assert 0 < observed["found"]["of"] <= len(list(emission.iterdir()))
    assert observed["found"]["of"] - observed["found"]["count"] == len(observed["missed"])
    assert observed["high_standing_out"]["value"] == 1.0
    assert observed["by_peak"][-1]["value"] > observed["by_peak"][0]["value"]
    for name in ("model-card.md", "report.html"):
        assert "Blind" in (report / name).read_text()


def test_the_data_hold_every_judge_and_every_figure(
    report: Path, survey: tuple[Path, Path], emission: Path
) -> None:
    data = json.loads((report / "evaluation.json").read_text())
    assert set(data["judges"]) == {"network", "classical detector", "logistic regression", "small"}
    assert data["judges"]["small"] == data["judges"]["network"]
    n_emitters = len(survey[1].read_text().splitlines()) - 1
    assert data["negatives"]["spectra"] + data["negatives"]["rejects"] + n_emitters >= N_SURVEY
    assert len(data["labelled"]["positives"]) <= n_emitters
    assert all(row["label"] != "absorption" for row in data["labelled"]["positives"])
    assert [row["aim"] for row in data["headline"]] == [0.005, 0.005, 0.92, 0.995, 0.6, 0.96, 0.01, 0.02]
    assert data["leak"]["stars"] < data["leak"]["spectra"]
    given = f"--negatives {survey[0].name} --labels known.csv --rival small --emission {emission.name}"
    known = [given, "--injections 200 --seed 0"]
    assert data["command"] == f"vo-emline evaluate small {' '.join(known)}"


def test_the_page_stands_alone(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') >= 4
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    for heading in ("The figures that decide", "False positives", "Calibration", "What a random split hides"):
        assert heading in page
    assert {path.stem for path in (report / "figures").glob("*.png")} >= {
        "completeness", "false-positives", "injections", "reliability",
    }  # fmt: skip


def test_the_model_card_says_what_it_was_made_from_and_where_it_fails(report: Path) -> None:
    card = (report / "model-card.md").read_text()
    data = json.loads((report / "evaluation.json").read_text())
    assert data["model"]["sha256"] in card
    assert "## Where it fails" in card
    table = [line for line in card.splitlines() if line.startswith("|")]
    head = table[0].count("|")
    assert all(line.count("|") == head for line in table[1 : 2 + len(data["headline"])])


def test_one_seed_gives_one_result(run: Path, survey: tuple[Path, Path], report: Path) -> None:
    first = json.loads((report / "evaluation.json").read_text())["judges"]
    again = evaluate_run(run, [survey[0]], labels=survey[1], injections=200).data["judges"]
    assert json.loads(json.dumps(again["network"])) == first["network"]
    other = evaluate_run(run, [survey[0]], labels=survey[1], injections=200, seed=1).data["judges"]
    assert other["network"]["completeness"] != first["network"]["completeness"]


def test_a_store_serves_as_well_as_its_files(survey: tuple[Path, Path], tmp_path: Path) -> None:
    files = sorted(survey[0].glob("*.fits*"))
    ingest(files, tmp_path / "store", workers=1)
    options = PreprocessOptions()
    from_store = gather_spectra([tmp_path / "store"], survey[1], preprocess=options)
    from_files = gather_spectra([survey[0]], survey[1], preprocess=options)
    np.testing.assert_array_equal(from_store.negatives.flux, from_files.negatives.flux)
    with pytest.raises(UserError, match="other settings"):
        gather_spectra([tmp_path / "store"], None, preprocess=PreprocessOptions(scaling="minmax"))


def test_unknown_spectra_are_set_aside(survey: tuple[Path, Path], tmp_path: Path) -> None:
    first = min(survey[0].glob("*.fits*"))
    labels = tmp_path / "labels.csv"
    labels.write_text(f"id,label\n{first.name},unknown\n")
    found = gather_spectra([survey[0]], labels, preprocess=PreprocessOptions())
    assert found.set_aside == 1
    assert str(first) not in found.negatives.identity["source"].to_pylist()


def test_a_catalogue_is_audited_through_the_program(
    run: Path, survey: tuple[Path, Path], tmp_path: Path
) -> None:
    classified = tmp_path / "classified"
    files = sorted(survey[0].glob("*.fits*"))
    classify_survey(files, classified, model=RunDirectory(run).model, options=SurveyOptions(workers=1))
    sample, result = tmp_path / "sample.csv", tmp_path / "estimate.json"
    draw = ["audit", "draw", str(classified), "--output", str(sample), "--size", "40", "--seed", "1"]
    assert CliRunner().invoke(app, draw, catch_exceptions=False).exit_code == 0
    rows = sample.read_text().splitlines()
    sample.write_text("\n".join([rows[0], *(f"{row.rpartition(',')[0]},absorption" for row in rows[1:])]))
    done = CliRunner().invoke(app, ["audit", "estimate", str(sample), "--output", str(result)])
    assert done.exit_code == 0, done.output
    found = json.loads(result.read_text())
    assert found["prevalence"]["value"] == 0.0
    assert found["recall"]["value"] is None
    assert sum(one["size"] for one in found["strata"]) <= len(files)


def test_a_rival_may_want_other_windows(run: Path, survey: tuple[Path, Path], tmp_path: Path) -> None:
    rival = tmp_path / "minmax"
    shutil.copytree(run / "model", rival / "model")
    description = ModelDescription.read(rival / "model")
    wants = PreprocessOptions(scaling="minmax")
    description.model_copy(update={"preprocess": wants}).write(rival / "model")
    found = evaluate_run(run, [survey[0]], labels=survey[1], rivals=[rival], injections=100).data["judges"]
    sizes = [
        found[name]["false_positives"]["plain label"]["positive"]["of"] for name in ("network", "minmax")
    ]
    assert sizes[0] == sizes[1]
    assert found["network"]["completeness"] != found["minmax"]["completeness"]
    with pytest.raises(UserError, match="rename"):
        evaluate_run(run, [survey[0]], rivals=[rival, rival], injections=100)


def test_the_report_shows_how_well_lines_are_measured(
    run: Path, survey: tuple[Path, Path], tmp_path: Path
) -> None:
    found = evaluate_run(run, [survey[0]], labels=survey[1], injections=100)
    trial = simulated_lines(200, seed=1)
    quality = line_quality(trial, {"classical": measure_emission(trial.windows)})
    found.data["lines"] = {"methods": dict.fromkeys(quality["quantities"], "classical"), "trials": {}}
    found.data["lines"]["trials"]["simulated"] = quality
    page = write_report(found, tmp_path)
    assert "200 lines simulated" in page.read_text()
    assert (tmp_path / "figures" / "line-pit-0.png").is_file()
    card = (tmp_path / "model-card.md").read_text()
    assert "| ew | classical |" in card
    assert "measuring their lines" in card


def test_negatives_called_positive_are_drawn(run: Path, survey: tuple[Path, Path]) -> None:
    found = evaluate_run(run, [survey[0]], labels=survey[1], injections=100)
    one = {"row": 2, "source": "a/spec-1.fits", "score": 0.9, "double": True, "subclass": "K5", "snr": 9.0}
    found.data["judges"]["network"]["exceptions"] = [{**one, "uncertain": False}]
    figure, _ = draw(found)["exceptions"]
    assert figure.axes[0].get_title(loc="left") == "spec-1\nscore 0.90  K5"


def test_stars_of_the_training_set_are_counted_and_can_be_left_out(
    run: Path, survey: tuple[Path, Path], tmp_path: Path
) -> None:
    half = sorted(survey[0].glob("*.fits*"))[::2]
    windows = prepare_files([str(path) for path in half], PreprocessOptions()).windows
    taught = Examples.of(windows, np.zeros(len(windows), dtype=np.int64), origin="survey")
    shutil.copytree(run / "model", tmp_path / "model")
    simulated = simulated_examples(simulate_windows(400, seed=44))
    write_examples(tmp_path / "training", join([taught, simulated]), rejects=[], options=PreprocessOptions())
    found = [evaluate_run(tmp_path, [survey[0]], injections=100, held_out=held) for held in (False, True)]
    before, after = (one.data["negatives"] for one in found)
    assert before["seen_in_training"] == len(windows)
    assert after["seen_in_training"] == 0
    assert after["spectra"] == before["spectra"] - len(windows)
    with pytest.raises(UserError, match="trained on"):
        evaluate_run(tmp_path, half, injections=100, held_out=True)
    shutil.rmtree(tmp_path / "training")
    (tmp_path / "training").mkdir()
    parquet.write_table(windows.identity.select(list(NAMING)), tmp_path / "training" / SPECTRA_FILE)
    without = evaluate_run(tmp_path, [survey[0]], injections=100).data
    assert without["negatives"]["seen_in_training"] == len(windows)
    assert not without["training_known"]


def test_blind_is_only_what_is_known_to_be() -> None:
    assert blindness(0, known=True).startswith("Blind: ")
    assert blindness(3, known=True) == blindness(3, known=False)
    assert blindness(3, known=True).startswith("Not blind: 3 of these spectra")
    assert "whether this is blind is not known" in blindness(0, known=False)
