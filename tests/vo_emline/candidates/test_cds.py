"""Tables for VizieR and journals, read back by astropy's reader of such tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
from astropy.io import ascii as astropy_ascii
from astropy.table import Table
from click.testing import CliRunner

from vo_emline.candidates import CANDIDATES, OBJECTS, Provenance, read_release, release_survey
from vo_emline.candidates.cds import narrow
from vo_emline.cli.export import export

from .conftest import score, write_survey


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cds")
    rows = [score(number, snr_r=1e-3 * 10**number, designation="α Lyr\n–") for number in range(1, 12)]
    rows[3] |= {"ra": None, "dec": None}
    rows[4] |= {"ra": 359.9999999, "dec": -89.5, "spectral_subclass": None, "fwhm": None}
    survey = write_survey(folder / "survey", rows)
    facts = {"creators": "Škoda, P.; B. Author", "doi": "10.1/x", "licence": "CC-BY-4.0"}
    path = folder / "release.duckdb"
    release_survey(path, survey, provenance=Provenance(authority="x.org", run_id="r"), metadata=facts)
    return path


def write(release: Path, folder: Path, form: str) -> None:
    CliRunner().invoke(export, [str(release), "--output", str(folder), form], catch_exceptions=False)


def assert_same(found: Table, release: Path, table: object) -> None:
    """See that every value came through, to the digits that were written."""
    assert table in (CANDIDATES, OBJECTS)
    description = CANDIDATES if table is CANDIDATES else OBJECTS
    truth = read_release(release, description).to_pylist()
    columns = [column for column in description.stored if column.name != "hpx10"]
    assert found.colnames == [column.name for column in columns]
    assert len(found) == len(truth)
    for column in columns:
        for row, value in zip(truth, np.ma.asarray(found[column.name]), strict=True):
            wanted = row[column.name]
            if wanted is None or wanted == "":
                assert np.ma.is_masked(value) or str(value) in ("", "--"), column.name
            elif column.is_text:
                assert str(value) == narrow(wanted)
            else:
                assert float(value) == pytest.approx(float(wanted), rel=2e-6, abs=1e-7), column.name


def test_astropy_reads_what_is_for_vizier(release: Path, tmp_path: Path) -> None:
    write(release, tmp_path, "--vizier")
    assert {path.name for path in tmp_path.iterdir()} == {"ReadMe", "candidates.dat", "objects.dat"}
    for table in (CANDIDATES, OBJECTS):
        found = astropy_ascii.read(
            tmp_path / f"{table.name}.dat", readme=str(tmp_path / "ReadMe"), format="cds"
        )
        assert_same(found, release, table)
        assert found["ra"].unit == "deg"
    text = (tmp_path / "ReadMe").read_text(encoding="ascii")
    assert "?koda, P., B. Author" in text
    assert "doi:10.1/x" in text
    assert "Licence: CC-BY-4.0" in text
    lengths = {len(line) for line in (tmp_path / "candidates.dat").read_text().splitlines()}
    assert len(lengths) == 1
    assert f"candidates.dat     {lengths.pop():6d}        {len(read_release(release, CANDIDATES))}" in text


def test_astropy_reads_what_is_for_a_journal(release: Path, tmp_path: Path) -> None:
    write(release, tmp_path, "--cds-mrt")
    assert {path.name for path in tmp_path.iterdir()} == {"candidates.mrt", "objects.mrt"}
    for form in ("mrt", "cds"):
        found = astropy_ascii.read(tmp_path / "candidates.mrt", format=form)
        assert_same(found, release, CANDIDATES)


def test_a_release_of_nothing_has_nothing_to_export(release: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.duckdb"
    with duckdb.connect(str(empty)) as database:
        database.execute("CREATE SCHEMA internal")
        database.execute("CREATE TABLE internal.metadata (key VARCHAR, value VARCHAR)")
    write(empty, tmp_path / "out", "--vizier")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ReadMe"]
