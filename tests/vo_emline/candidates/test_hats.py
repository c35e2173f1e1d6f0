"""The HATS catalogue, read back and cross-matched with the program it is for."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from vo_emline.candidates import CANDIDATES, OBJECTS, SCORES, SPECTRA, arrow_schema, build_release
from vo_emline.candidates.hats import INDEX, Tile, partition, schema, write_hats
from vo_emline.cli import app
from vo_emline.errors import UserError
from vo_emline.tables import Table

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # libraries under lsdb
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

N = 3000
ROWS = 200


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3000 spectra, half of them crowded around one place; one without a position."""
    path = tmp_path_factory.mktemp("hats") / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA), scores=rows(SCORES))
    return path


@pytest.fixture(scope="module")
def catalogue(release: Path) -> Path:
    directory = release.with_name("halpha")
    summary = write_hats(release, directory, rows_per_partition=ROWS)
    assert (summary.rows, summary.without_position) == (N - 1, 1)
    return directory


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING):
        yield caplog


def rows(table: Table) -> pa.Table:
    random = np.random.default_rng(6)
    crowd = np.arange(N) < N // 2
    ra = np.where(crowd, 83.6 + random.normal(0, 0.5, N), random.uniform(0, 360, N))
    dec = np.where(crowd, 22.0 + random.normal(0, 0.5, N), random.uniform(-10, 60, N))
    ra[-1] = dec[-1] = np.nan
    known = {
        "ra": pa.array(ra, from_pandas=True),
        "dec": pa.array(dec, from_pandas=True),
        "label": pa.array(np.where(np.arange(N) % 5 == 0, "emission", "absorption")),
        "obs_publisher_did": pa.array([f"ivo://x/~?{i}" for i in range(N)]),
        "candidate_id": pa.array([f"EML-{i:012x}" for i in range(N)]),
        "obsid": pa.array(np.arange(N)),
        "score": pa.array(random.uniform(size=N)),
    }
    fields = [field for field in arrow_schema(table) if field.name != "hpx10"]
    return pa.table({field.name: known.get(field.name, pa.nulls(N)).cast(field.type) for field in fields})


def test_the_validator_of_hats_finds_nothing(catalogue: Path, loud: pytest.LogCaptureFixture) -> None:
    from hats.io.validation import is_valid_catalog

    assert is_valid_catalog(catalogue, strict=True)
    assert loud.messages == []


def test_lsdb_reads_what_the_release_holds(catalogue: Path, release: Path) -> None:
    import lsdb

    with duckdb.connect(str(release), read_only=True) as database:
        expected = database.sql(
            "SELECT * FROM emline.scores WHERE ra IS NOT NULL ORDER BY obsid"
        ).to_arrow_table()
    found = lsdb.open_catalog(catalogue, columns="all").compute().sort_values("obsid")
    assert list(found.columns) == expected.column_names
    for name in ("obsid", "ra", "dec", "label", "score", "candidate_id"):
        assert found[name].to_list() == expected[name].to_pylist()


@pytest.mark.slow
def test_lsdb_crossmatches_it(catalogue: Path) -> None:
    """Stars 0.5 arcsec off are found, each its own; one 10 arcsec off is not."""
    import lsdb

    ours = lsdb.open_catalog(catalogue).compute().sample(300, random_state=1)
    offset = np.where(np.arange(len(ours)) == 7, 10.0, 0.5) / 3600.0
    stars = pd.DataFrame(
        {
            "ra": ours["ra"].to_numpy(float),
            "dec": ours["dec"].to_numpy(float) + offset,
            "star": ours["obsid"].to_numpy(int),
        }
    )
    gaia = lsdb.from_dataframe(stars, ra_column="ra", dec_column="dec", margin_threshold=10)
    matched = (
        lsdb.open_catalog(catalogue).crossmatch(gaia, radius_arcsec=1.0, suffixes=("", "_gaia")).compute()
    )
    # neighbours in the crowd may be matched as well, never in the place of the star itself
    pairs = set(
        zip(matched["obsid"], matched["star_gaia" if "star_gaia" in matched else "star"], strict=True)
    )
    own = {(star, star) for star in stars["star"]} - {(stars["star"][7],) * 2}
    assert own <= pairs
    assert (stars["star"][7],) * 2 not in pairs


def test_no_file_has_more_rows_than_allowed_and_each_is_sorted(catalogue: Path) -> None:
    files = list(catalogue.rglob("Npix=*.parquet"))
    tables = [pq.read_table(path, partitioning=None) for path in files]
    assert max(map(len, tables)) <= ROWS
    assert sum(map(len, tables)) == N - 1
    for table in tables:
        index = table[INDEX].to_numpy()
        assert (np.diff(index) >= 0).all()
    orders = {int(path.parts[-3].removeprefix("Norder=")) for path in files}
    assert len(orders) > 2, "the crowd needs finer pixels than the rest"


def test_columns_keep_their_descriptions(catalogue: Path) -> None:
    for path in (catalogue / "dataset" / "_common_metadata", next(catalogue.rglob("Npix=*.parquet"))):
        field = pq.read_schema(path).field("ra")
        assert field.metadata[b"ucd"] == b"pos.eq.ra;meta.main"
        assert field.metadata[b"unit"] == b"deg"
    assert schema(SCORES).names == [INDEX, *(column.name for column in SCORES.stored)]


def test_pixels_divide_the_sky_without_overlap() -> None:
    random = np.random.default_rng(2)
    counts = np.zeros(12 * 4**10, dtype=np.int64)
    np.add.at(counts, random.integers(0, len(counts), 5000), 1)
    counts[123_456] = 900  # more than fits, in one of the finest
    tiles = partition(counts, 100)
    ranges = [tile.range(10) for tile in tiles]
    inside = [int(counts[first : last + 1].sum()) for first, last in ranges]
    assert sum(inside) == counts.sum()
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))
    assert [rows for rows in inside if rows > 100] == [900]
    assert Tile(10, 123_456) in tiles


def test_the_command_replaces_a_catalogue_and_nothing_else(release: Path, tmp_path: Path) -> None:
    command = ["hats", str(release.parent), "--output", str(tmp_path / "cat"), "--table", CANDIDATES.name]
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert pq.read_metadata(tmp_path / "cat" / "dataset" / "_metadata").num_rows == N // 5
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        write_hats(release, tmp_path / "notes")
    assert (tmp_path / "notes" / "diary.txt").read_text() == "mine"


def test_a_release_without_scores_is_told(tmp_path: Path) -> None:
    build_release(tmp_path / "spectra.duckdb", spectra=rows(SPECTRA))
    with pytest.raises(UserError, match=r"has no table emline\.scores"):
        write_hats(tmp_path / "spectra.duckdb", tmp_path / "cat")
    (tmp_path / "text.duckdb").write_text("no database at all, however long this text may be" * 100)
    with pytest.raises(UserError, match="is no release"):
        write_hats(tmp_path / "text.duckdb", tmp_path / "cat")
    assert not (tmp_path / "cat").exists()


def test_stars_come_with_their_spectra(release: Path, tmp_path: Path) -> None:
    """LSDB and nested-pandas take the column of spectra for a nested frame, and its fields one by one."""
    import lsdb
    from nested_pandas import NestedDtype

    summary = write_hats(release, tmp_path / "stars", table=OBJECTS, rows_per_partition=ROWS, nested=True)
    with duckdb.connect(str(release), read_only=True) as database:
        expected = database.sql(
            "SELECT object_id, s.candidate_id, s.score, s.label FROM emline.epochs e "
            "JOIN emline.scores s USING (candidate_id) JOIN emline.objects o USING (object_id) "
            "WHERE o.ra IS NOT NULL ORDER BY ALL"
        ).to_arrow_table()
    catalogue = lsdb.open_catalog(tmp_path / "stars")
    stars = catalogue.compute()
    assert len(stars) == summary.rows == len(set(expected["object_id"].to_pylist()))
    assert isinstance(stars.dtypes["spectra"], NestedDtype)
    assert [len(each) for each in stars["spectra"]] == stars["n_spectra"].tolist()
    flat = stars.set_index("object_id")["spectra"].nest.to_flat().reset_index()
    found = flat[["object_id", "candidate_id", "score", "label"]].sort_values(["object_id", "candidate_id"])
    for name in expected.column_names:
        assert found[name].to_list() == expected[name].to_pylist()
    some = lsdb.open_catalog(tmp_path / "stars", columns=["object_id", "spectra.ew"]).compute()
    assert list(some["spectra"].nest.columns) == ["ew"]
    reduced = catalogue.map_rows(
        lambda row: {"best": max(row["spectra.score"])}, columns=["spectra.score"], meta={"best": float}
    ).compute()
    assert sorted(reduced["best"]) == pytest.approx(sorted(stars["score_max"]))
    assert not list((tmp_path / "stars").glob(".*"))


def test_the_nested_catalogue_is_valid(release: Path, tmp_path: Path, loud: pytest.LogCaptureFixture) -> None:
    from hats.io.validation import is_valid_catalog

    command = ["hats", str(release), "--output", str(tmp_path / "stars"), "--table", "objects", "--nested"]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert is_valid_catalog(tmp_path / "stars", strict=True)
    assert loud.messages == []
    column = pq.read_schema(tmp_path / "stars" / "dataset" / "_common_metadata").field("spectra")
    assert column.type.field("ew").type == pa.list_(pa.float32())


def test_spectra_of_spectra_are_refused(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose the table objects"):
        write_hats(release, tmp_path / "cat", nested=True)
