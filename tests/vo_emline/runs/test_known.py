"""What candidates are known as, and what is kept of every catalogue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.archives import hats
from vo_emline.errors import ArchiveError, UserError
from vo_emline.runs.known import KnownNames, catalogue_files, require_known

Trouble = Callable[[SimpleHTTPRequestHandler], None]

SCORES = pa.table(
    {
        "label": ["emission", "double-peak", "absorption", "emission", "emission"],
        "designation": ["J080043.30-025243.9", "", "J080043.30-025243.9", "", ""],
        "ra": pa.array([120.1804, 69.6504, 120.1804, 10.0, None], pa.float64()),
        "dec": pa.array([-2.8789, 8.1783, -2.8789, 10.0, None], pa.float64()),
    }
)


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    path = tmp_path / "be-stars.csv"
    path.write_text("name,ra,dec,type\nHR 3135,120.1804,-2.8789,Be\nV1150 Tau,69.6550,8.1783,CBe\n")
    return str(path)


def test_candidates_are_known_possibly_known_or_new(catalogue: str) -> None:
    said = KnownNames([catalogue])(SCORES).said.to_pylist()
    assert said[0].startswith("known as HR 3135, type Be")
    assert said[1].startswith("possibly known as V1150 Tau, type CBe")  # 16 arcsec apart
    assert said[2:] == [None, "not in be-stars", None]  # absorption, elsewhere, no position


def test_a_catalogue_is_read_once_for_any_number_of_batches(catalogue: str) -> None:
    names = KnownNames([catalogue])
    first = names(SCORES.slice(0, 2)).said.to_pylist()
    Path(catalogue).unlink()
    assert [text is not None for text in first + names(SCORES.slice(2)).said.to_pylist()] == [
        True, True, False, True, False,
    ]  # fmt: skip


def test_without_a_catalogue_nothing_is_said() -> None:
    assert KnownNames([])(SCORES).said.null_count == len(SCORES)


def test_an_unknown_catalogue_is_named() -> None:
    with pytest.raises(UserError, match="nonsense"):
        KnownNames(["nonsense"])(SCORES)


def test_catalogues_are_checked_before_the_work(catalogue: str, tmp_path: Path) -> None:
    require_known([catalogue, "simbad", "zhang2022"])
    assert catalogue_files([catalogue, "simbad", "zhang2022"]) == [Path(catalogue)]
    with pytest.raises(UserError, match=r"cannot read the catalogue .*none\.csv"):
        require_known([str(tmp_path / "none.csv")])
    with pytest.raises(UserError, match=r"no catalogue 'nonsense': give a file .* or one of gaia, gcvs,"):
        require_known(["nonsense"])


@pytest.mark.parametrize(
    ("name", "address", "columns", "said"),
    [
        ("bess", "basebe.obspm.fr", "name,ra,dec", "type Be star (BeSS)"),
        ("hash", "hashpn.space", "Name,RAJ2000,DECJ2000", "type planetary nebula or mimic (HASH)"),
        ("shridharan2021", "2108.08025", "LAMOST,RAdeg,DEdeg",
         "type hot emission-line star (Shridharan et al. 2021)"),
    ],
)  # fmt: skip
def test_tables_taken_by_hand_are_known_by_their_file(
    tmp_path: Path, name: str, address: str, columns: str, said: str
) -> None:
    with pytest.raises(UserError, match=rf"take its table from .*{address}.*{name}\.csv"):
        require_known([name])
    path = tmp_path / f"{name}.csv"
    path.write_text(f"{columns}\nstar,120.1804,-2.8789\n")
    require_known([str(path)])
    assert KnownNames([str(path)])(SCORES).said[0].as_py() == f"known as star, {said}"


def whole_sky(folder: Path) -> Path:
    """Write a HATS catalogue of 20 000 stars all over the sky, of which two are near candidates."""
    lsdb, pandas = pytest.importorskip("lsdb"), pytest.importorskip("pandas")
    random, n = np.random.default_rng(4), 20_000
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    ra[:3], dec[:3] = [120.1804, 69.6504, 10.0], [-2.8789 + 2 / 3600, 8.1783 + 15 / 3600, 10.0 + 60 / 3600]
    stars = pandas.DataFrame(
        {"ra": ra, "dec": dec, "source_id": np.arange(n) + 10**17, "phot_g_mean_mag": np.arange(n) / 1000.0,
         "otype": ["Be*"] * n, "of_no_use": random.normal(size=n)}
    )  # fmt: skip
    catalogue = lsdb.from_dataframe(stars, catalog_name="whole_sky", lowest_order=2, partition_rows=2000)
    catalogue.write_catalog(folder / "whole_sky")
    return folder / "whole_sky"


@contextmanager
def web_server(
    folder: Path, *, trouble: Callable[[SimpleHTTPRequestHandler], None] | None = None
) -> Iterator[str]:
    """Serve a folder on this machine, its Parquet files with some trouble; give its address."""

    class Files(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if trouble is not None and "Npix=" in self.path:
                trouble(self)
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def copyfile(self, source: Any, outputfile: Any) -> None:
            with suppress(ConnectionError):  # readers of Parquet leave when they have what they want
                super().copyfile(source, outputfile)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_whole_survey_is_asked_where_candidates_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = whole_sky(tmp_path)
    from hats.io.file_io import file_io

    read, really = [], file_io.read_parquet_file_to_pandas

    def reading(path: Any, **more: Any) -> Any:
        read.append((str(path), more["columns"]))
        return really(path, **more)

    monkeypatch.setattr(file_io, "read_parquet_file_to_pandas", reading)
    require_known([str(survey)])
    assert catalogue_files([str(survey)]) == []
    answers = KnownNames([str(survey)])(SCORES)
    assert answers.asked == ("whole_sky",)
    found = [(row["row"], row["identifier"], row["match_kind"]) for row in answers.matches.to_pylist()]
    assert found == [(0, "100000000000000000", "position"), (1, "100000000000000001", "possible")]
    assert answers.matches["gaia_source_id"].to_pylist() == [10**17, 10**17 + 1]
    assert answers.matches["object_type"].to_pylist() == ["Be*", "Be*"]
    assert answers.matches["phot_g_mean_mag"].to_pylist() == pytest.approx([0.0, 0.001])
    assert answers.said.to_pylist()[3] == "not in whole_sky"
    assert 0 < len(read) <= 6 < len(list(survey.rglob("Npix=*.parquet")))
    assert all("of_no_use" not in columns for _, columns in read)
    with web_server(tmp_path) as address:
        remote = KnownNames([f"{address}/whole_sky"])(SCORES)
    assert remote.matches.equals(answers.matches)
    with pytest.raises(ArchiveError, match="cannot read the HATS catalogue"):
        KnownNames([f"{address}/whole_sky"])(SCORES)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(lambda handler: handler.send_error(500), id="an error"),
        pytest.param(lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), id="no HTTP"),
        pytest.param(lambda handler: time.sleep(2), id="silence"),
    ],
)
def test_a_survey_whose_server_fails_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    whole_sky(tmp_path)
    monkeypatch.setattr(hats, "_SILENT_SECONDS", 0.5)
    with (
        web_server(tmp_path, trouble=trouble) as address,
        pytest.raises(ArchiveError, match=f"cannot read the HATS catalogue {address}"),
    ):
        KnownNames([f"{address}/whole_sky"])(SCORES)


def test_bright_stars_are_known_without_a_catalogue() -> None:
    rows = {"label": ["emission"] * 2, "designation": ["", ""], "ra": [14.1772, 200.0], "dec": [60.7167, 5.0]}
    said = KnownNames([])(pa.table(rows)).said.to_pylist()
    assert said == ["known as gam Cas, type Be* (bright emission-line stars)", None]


def test_every_catalogue_keeps_its_own_word(catalogue: str, tmp_path: Path) -> None:
    gaia = tmp_path / "gaia.csv"
    gaia.write_text(
        "name,ra,dec,source_id,phot_g_mean_mag,bp_rp,parallax,ref_epoch\n"
        "Gaia DR3 3072800000000000001,120.1804,-2.8790,3072800000000000001,5.5,0.1,3.2,2016.0\n"
    )
    answers = KnownNames([catalogue, str(gaia)])(SCORES)
    assert answers.asked == ("be-stars", "gaia")
    rows = answers.matches.to_pylist()
    assert [(row["row"], row["catalogue"], row["match_kind"]) for row in rows] == [
        (0, "be-stars", "position"),
        (0, "gaia", "position"),
        (1, "be-stars", "possible"),
    ]
    assert rows[1]["gaia_source_id"] == 3072800000000000001
    assert (rows[1]["phot_g_mean_mag"], rows[1]["parallax"], rows[1]["catalogue_epoch"]) == pytest.approx(
        (5.5, 3.2, 2016.0)
    )
    assert rows[0]["gaia_source_id"] is None
    assert {row["asked_on"] for row in rows} == {answers.asked_on}
