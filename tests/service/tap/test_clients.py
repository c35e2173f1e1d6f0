"""The clients astronomers use, against the service over HTTP."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvo
from astropy.table import Table

QUERY = "SELECT TOP 20 candidate_id, ra, dec, label, score FROM emline.scores ORDER BY candidate_id"
MATCH = (
    "SELECT t.name, c.candidate_id FROM TAP_UPLOAD.mine AS t JOIN emline.scores AS c "
    "ON 1 = CONTAINS(POINT('ICRS', t.ra, t.dec), CIRCLE('ICRS', c.ra, c.dec, 0.001))"
)


@pytest.fixture(scope="module")
def service(served: Any) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(served.tap)


@pytest.fixture(scope="module")
def mine(served: Any) -> Table:
    rows = served.rows("SELECT TOP 12 ra, dec FROM emline.scores WHERE ra IS NOT NULL ORDER BY candidate_id")
    ra, dec = np.array(rows).T
    return Table({"name": [f"mine-{place}" for place in range(12)], "ra": ra, "dec": dec})


def test_pyvo_reads_the_description(service: pyvo.dal.TAPService) -> None:
    assert (service.maxrec, service.hardlimit) == (10_000, 10_000_000)
    assert "emline.candidates" in service.tables
    columns = {column.name: column for column in service.tables["emline.candidates"].columns}
    assert (columns["ra"].unit, columns["ra"].ucd) == ("deg", "pos.eq.ra;meta.main")
    assert len(service.examples) >= 6
    assert "ivoa.obscore" in {table.name for table in service.tables}


def test_pyvo_asks_at_once_and_by_job(service: pyvo.dal.TAPService) -> None:
    at_once = service.run_sync(QUERY).to_table()
    by_job = service.run_async(QUERY).to_table()
    assert len(at_once) == 20
    assert (at_once["candidate_id"] == by_job["candidate_id"]).all()
    np.testing.assert_array_equal(at_once["score"], by_job["score"])


def test_pyvo_warns_of_missing_rows_and_of_mistakes(service: pyvo.dal.TAPService) -> None:
    with pytest.warns(pyvo.dal.exceptions.DALOverflowWarning):
        assert len(service.search("SELECT a.ra FROM emline.scores AS a, emline.scores AS b")) == 10_000
    with pytest.raises(pyvo.dal.DALQueryError, match=r"emline\.scores"):
        service.search("SELECT * FROM emline.score")


def test_pyvo_controls_jobs(service: pyvo.dal.TAPService) -> None:
    job = service.submit_job(QUERY, maxrec=3, runid="a-run")
    assert job.phase == "PENDING"
    job.execution_duration = 60
    assert job.execution_duration.to_value("s") == 60
    job.query = QUERY.replace("20", "2")
    job.run()
    job.wait(timeout=30)
    job.raise_if_error()
    assert job.phase == "COMPLETED"
    assert job.result_uri.endswith("/results/result")
    assert len(job.fetch_result()) == 2
    assert not service.get_job_list(last=100)  # a job is known to who made it
    job.delete()

    wrong = service.submit_job("SELECT nothing FROM emline.scores")
    wrong.run()
    wrong.wait(timeout=30)
    with pytest.raises(pyvo.dal.DALQueryError, match="nothing"):
        wrong.raise_if_error()
    wrong.delete()


@pytest.mark.parametrize("method", ["run_sync", "run_async"])
def test_pyvo_uploads(service: pyvo.dal.TAPService, mine: Table, method: str) -> None:
    found = getattr(service, method)(MATCH, uploads={"mine": mine}).to_table()
    assert set(found["name"]) == set(mine["name"])


def test_pyvo_follows_datalink_from_a_result(service: pyvo.dal.TAPService) -> None:
    result = service.search("SELECT TOP 2 * FROM ivoa.obscore WHERE instrument_name = 'CCD700'")
    assert result.get_adhocservice_by_ivoid("ivo://ivoa.net/std/DataLink#links-1.1")


# Its load_tables() reads documents of ESA's own servers only (an attribute esatapplus:flags on every column).
def test_astroquery_asks_at_once_and_by_job(served: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astroquery does with other libraries is its own affair
        from astroquery.utils.tap.core import TapPlus

        tap = TapPlus(url=served.tap, verbose=False)
        at_once = tap.launch_job(QUERY, verbose=False).get_results()
        by_job = tap.launch_job_async(QUERY, verbose=False).get_results()
    assert len(at_once) == len(by_job) == 20


def stilts(*arguments: str) -> str:
    """Run STILTS; give what it prints."""
    done = subprocess.run(["stilts", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.stilts
@pytest.mark.parametrize("sync", ["true", "false"])
def test_stilts_tapquery_uploads_and_matches(served: Any, mine: Table, tmp_path: Path, sync: str) -> None:
    upload = tmp_path / "mine.csv"
    mine.write(upload, format="ascii.csv")
    printed = stilts(
        "tapquery", f"tapurl={served.tap}", f"adql={MATCH}", "nupload=1", f"upload1={upload}", "ufmt1=csv",
        "upname1=mine", f"sync={sync}", "omode=out", "ofmt=csv",
    )  # fmt: skip
    assert {line.partition(",")[0] for line in printed.splitlines()[1:]} == set(mine["name"])


@pytest.mark.stilts
def test_stilts_tapresume_takes_up_a_job(served: Any, service: pyvo.dal.TAPService) -> None:
    job = service.submit_job(QUERY)
    job.run()
    assert "rows: 20" in stilts("tapresume", f"joburl={job.url}", "omode=count")


@pytest.mark.stilts
def test_stilts_tapskymatch_matches_in_blocks(served: Any, mine: Table, tmp_path: Path) -> None:
    upload = tmp_path / "mine.csv"
    mine.write(upload, format="ascii.csv")
    printed = stilts(
        "tapskymatch", f"in={upload}", "ifmt=csv", "inlon=ra", "inlat=dec", f"tapurl={served.tap}",
        "taptable=emline.scores", "taplon=ra", "taplat=dec", "sr=0.001", "find=best", "blocksize=5",
        "omode=out", "ofmt=csv",
    )  # fmt: skip
    assert len(printed.splitlines()) == 13
