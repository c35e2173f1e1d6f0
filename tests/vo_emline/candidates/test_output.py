from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import Table as AstropyTable
from pyarrow import csv, parquet

from vo_emline.candidates.columns import CLASSIFIED
from vo_emline.candidates.output import write_table
from vo_emline.errors import UserError

ROWS = pa.table(
    {
        "file": ["α Lyr.fits", "broken.fits"],
        "label": ["double-peak", ""],
        "p_emission": pa.array([0.25, None], pa.float32()),
        "obsid": pa.array([403028, None], pa.int64()),
        "ra": pa.array([279.2347, None], pa.float64()),
        "reason": ["", "the file ends early"],
    }
)


@pytest.mark.parametrize("suffix", ["csv", "vot", "xml", "parquet", "fits", "ecsv"])
def test_every_format_keeps_rows_names_and_nulls(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    write_table(ROWS, path, description=CLASSIFIED)
    if suffix == "csv":
        read = csv.read_csv(path).to_pydict()
        assert read["label"] == ["double-peak", ""]
        assert read["obsid"] == [403028, None]
        return
    if suffix == "parquet":
        assert parquet.read_table(path).to_pydict()["obsid"] == [403028, None]
        assert parquet.read_schema(path).field("ra").metadata[b"unit"] == b"deg"
        return
    table = AstropyTable.read(path)
    assert list(table["label"].filled("")) == ["double-peak", ""]
    assert table["obsid"].mask.tolist() == [False, True]
    assert table["ra"].unit == "deg"


def test_the_votable_carries_ucds_and_unicode(tmp_path: Path) -> None:
    write_table(ROWS, tmp_path / "out.vot", description=CLASSIFIED)
    table = parse_single_table(tmp_path / "out.vot")
    assert table.get_field_by_id_or_name("ra").ucd == "pos.eq.ra;meta.main"
    assert table.array["file"][0] == "α Lyr.fits"


def test_fits_spells_in_ascii_what_it_cannot_hold(tmp_path: Path) -> None:
    reason = "it covers 3700.0–6599.3 Å, the window is 6519–6732 Å"
    rows = pa.table({"file": ["é α.fits"], "reason": [reason]})
    write_table(rows, tmp_path / "out.fits", description=CLASSIFIED)
    row = AstropyTable.read(tmp_path / "out.fits")[0]
    assert row["file"] == r"\xe9 alpha.fits"
    assert row["reason"] == "it covers 3700.0-6599.3 Angstrom, the window is 6519-6732 Angstrom"


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write \.doc; use \.csv, \.vot"):
        write_table(ROWS, tmp_path / "out.doc", description=CLASSIFIED)
    assert list(tmp_path.iterdir()) == []


def test_no_bar_gets_into_what_a_program_prints() -> None:
    """DuckDB draws one of its own where it takes Python to be used line by line, as ``python -c`` is."""
    program = (
        "from vo_emline.candidates.database import connect\n"
        "with connect() as database:\n"
        "    print(database.sql(\"SELECT current_setting('enable_progress_bar')\").fetchall()[0][0])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip().lower() == "false"
