"""A catalogue is the same whether it is asked as a survey or as the release made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.vo_emline.candidates.conftest import score, write_survey
from vo_emline.candidates import Provenance, build_release, release_survey
from vo_emline.candidates.classified import DETAILS, Classified, open_release, open_survey, read_facts
from vo_emline.errors import UserError


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey of 60 spectra, of which two have one file name in two folders."""
    rows = [score(number) for number in range(60)]
    for row in rows[40:]:
        row["publisher_did"] = ""
    rows[58]["source"], rows[59]["source"] = "one/twin.fits", "two/twin.fits"
    return write_survey(tmp_path_factory.mktemp("classified") / "survey", rows)


@pytest.fixture(scope="module")
def release(directory: Path) -> Path:
    path = directory / "release.duckdb"
    release_survey(
        path, directory, provenance=Provenance(run_id="r", model_version="m"), folder=Path("/data")
    )
    return path


@pytest.fixture(scope="module", params=["survey", "release"])
def catalogue(request: pytest.FixtureRequest, directory: Path, release: Path) -> Iterator[Classified]:
    opened = (
        open_survey(directory, folder=Path("/data")) if request.param == "survey" else open_release(release)
    )
    with opened as classified:
        yield classified


def numbers(catalogue: Classified) -> list[float]:
    return [value for batch in catalogue.batches(["score"]) for value in batch["score"].to_pylist()]


def test_rows_that_are_taken_are_those_of_the_batches(catalogue: Classified) -> None:
    everything = numbers(catalogue)
    assert len(catalogue) == len(everything) == 60
    wanted = np.array([59, 3, 58, 0, 31])
    found = catalogue.take(wanted, ["flags", "score"])
    assert found.column_names == [*DETAILS, "flags"]
    assert found["score"].to_pylist() == [everything[row] for row in wanted]
    assert len(set(found["publisher_did"].to_pylist())) == 5


def test_identifiers_are_those_of_the_release(catalogue: Classified, release: Path) -> None:
    found = catalogue.take(np.arange(60))
    with duckdb.connect(str(release), read_only=True) as database:
        sql = (
            "SELECT obs_publisher_did, candidate_id, path "
            "FROM emline.scores JOIN internal.spectra USING (obs_publisher_did)"
        )
        published = set(database.sql(sql).fetchall())
    pairs = zip(*(found[name].to_pylist() for name in ("publisher_did", "candidate_id", "file")), strict=True)
    assert set(pairs) == published
    # twins are told apart though they are asked for one at a time
    twins = [row for row, file in enumerate(found["file"].to_pylist()) if file.endswith("twin.fits")]
    single = [catalogue.take(np.array([row]))["publisher_did"][0].as_py() for row in twins]
    assert len(set(single)) == 2
    assert single == [found["publisher_did"][row].as_py() for row in twins]


def test_spectra_are_found_by_all_their_names(catalogue: Classified) -> None:
    known = catalogue.take(np.array([7])).to_pylist()[0]
    short = Path(known["file"]).name.upper()
    for name in (
        known["publisher_did"],
        known["candidate_id"],
        known["file"],
        f" {short} ",
        f"elsewhere/{short[:-3]}",
    ):
        found, missing = catalogue.find(["nothing", name])
        assert found["publisher_did"].to_pylist() == [known["publisher_did"]], name
        assert missing == ["nothing"]
    both, _ = catalogue.find(["twin.fits"])
    one, _ = catalogue.find(["/data/two/twin.fits", both["publisher_did"][0].as_py()])
    assert len(both) == 2
    assert one["file"].to_pylist() == ["/data/two/twin.fits", both["file"][0].as_py()]
    assert catalogue.find([])[0].num_rows == 0


def test_facts_are_read_and_what_is_no_release_is_refused(release: Path, tmp_path: Path) -> None:
    facts = {"authority": "x-vo-emline.local", "run_id": "r", "model_version": "m", "surveys": "LAMOST LRS"}
    assert facts.items() <= read_facts(release).items()
    with open_release(release) as classified:
        assert classified.model_version == "m"
    other = tmp_path / "notes.duckdb"
    other.write_text("nothing")
    with pytest.raises(UserError, match=r"notes\.duckdb is no release"):
        read_facts(other)
    only = tmp_path / "spectra.duckdb"
    build_release(only, spectra=_index(release))
    with pytest.raises(UserError, match="none that were classified"), open_release(only):
        pass


def _index(release: Path) -> pa.Table:
    with duckdb.connect(str(release), read_only=True) as database:
        index: pa.Table = database.sql("FROM internal.spectra").to_arrow_reader().read_all()
    return index
