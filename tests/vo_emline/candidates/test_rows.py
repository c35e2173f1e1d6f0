"""Identifiers and the index of spectra."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from vo_emline.candidates import SPECTRA, candidate_ids, index_spectra, index_table
from vo_emline.candidates.database import connect
from vo_emline.candidates.rows import AUTHORITY, SHARED, identified_sql, shared_dids_sql
from vo_emline.preprocess import COVERAGE_SCHEMA, IDENTITY_SCHEMA, coverage_table, identity_table
from vo_emline.spectra import Spectrum, find_spectra, read
from vo_emline.spectra.names import stem


def publisher_dids(
    sources: list[str], survey: str = "LAMOST LRS", *, known: list[str] | None = None
) -> list[str]:
    rows = pa.table(
        {
            "source": sources,
            "survey": [survey] * len(sources),
            "publisher_did": known or [""] * len(sources),
        }
    )
    with connect() as database:
        database.register("rows", rows)
        database.execute(f"CREATE TEMP TABLE {SHARED} AS {shared_dids_sql('rows', authority=AUTHORITY)}")
        identified = identified_sql("rows", authority=AUTHORITY)
        return [row[0] for row in database.sql(f"SELECT did FROM ({identified})").fetchall()]


def test_a_spectrum_keeps_the_identifier_it_brings() -> None:
    known = ["ivo://asu.cas.cz/stel/ccd700/td240024", ""]
    made = publisher_dids(["td240024.fits", "b.fits"], known=known)
    assert made[0] == known[0]
    assert made[1] == "ivo://x-vo-emline.local/~?lamost-lrs/b"


def test_one_name_in_two_folders_gives_two_identifiers() -> None:
    made = publisher_dids(["a/s.fits", "b/s.fits.gz", "b/t.fits"])
    assert len(set(made)) == 3
    assert all(did.startswith("ivo://x-vo-emline.local/~?lamost-lrs/s.") for did in made[:2])
    assert made[2].endswith("/t")


def test_an_identifier_does_not_depend_on_where_the_command_was_started(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    twice = publisher_dids([f"{tmp_path}/a/s.fits", f"{tmp_path}/b/s.fits"])
    assert publisher_dids([f"{tmp_path}/link/s.fits", f"{tmp_path}/b/../b/s.fits"]) == twice


def test_a_survey_without_a_name_has_identifiers_too() -> None:
    assert publisher_dids(["s.fits"], "") == ["ivo://x-vo-emline.local/~?spectra/s"]
    assert publisher_dids(["s.fits"], " Survey of α ") == ["ivo://x-vo-emline.local/~?survey-of/s"]


def test_suffixes_go_and_odd_characters_are_replaced() -> None:
    names = {
        "/x/spec-56284-GAC122S02V2_sp14-183.fits.gz": "spec-56284-GAC122S02V2_sp14-183",
        "α Lyr (1).fit": "-Lyr-1-",
        "B.FITS.GZ": "B",
        ".fits": "spectrum",
        "td240024.vot": "td240024",
        "notes.fits.bak": "notes.fits.bak",
    }
    assert {name: stem(name) for name in names} == names
    made = publisher_dids(list(names))  # the database says the same as Python
    assert [did.rpartition("/")[2] for did in made] == list(names.values())


def test_candidate_identifiers_are_stable_and_distinct() -> None:
    first = candidate_ids([f"ivo://x/~?{i}" for i in range(1000)])
    assert first == candidate_ids([f"ivo://x/~?{i}" for i in range(1000)])
    assert len(set(first)) == 1000
    assert candidate_ids(["ivo://x/~?0"]) == ["EML-5128583089d0358d"]


def described(spectra: list[Spectrum]) -> pa.Table:
    columns = [
        *identity_table([one.identity for one in spectra]).columns,
        *coverage_table([one.coverage for one in spectra]).columns,
    ]
    return pa.table(columns, names=[*IDENTITY_SCHEMA.names, *COVERAGE_SCHEMA.names])


def test_the_index_is_what_the_files_say(shared_data: Path) -> None:
    paths = find_spectra([shared_data / name for name in ("lamost/dr1", "lamost/mrs", "ondrejov", "formats")])
    table, rejects = index_spectra(paths)
    spectra = [read(path) for path in paths]
    assert rejects == []
    assert table.equals(index_table(described(spectra)))
    assert table.column_names == [column.name for column in SPECTRA.stored]
    for row, spectrum, path in zip(table.to_pylist(), spectra, paths, strict=True):
        assert row["path"] == str(path.resolve())
        assert row["file_size"] == path.stat().st_size
        assert row["n_pixels"] == len(spectrum)
        assert row["wave_min"] == pytest.approx(spectrum.wavelength_vac[0] * 1e-10, rel=1e-15)
        assert row["wave_max"] == pytest.approx(spectrum.wavelength_vac[-1] * 1e-10, rel=1e-15)
        assert row["collection"] == spectrum.identity.survey
        assert row["target_name"] == (spectrum.identity.designation or spectrum.identity.object_name)
        assert row["normalised"] == spectrum.normalised
        assert row["obs_publisher_did"].startswith("ivo://")


def test_what_cannot_be_read_is_not_in_the_index(tmp_path: Path) -> None:
    (tmp_path / "empty.fits").touch()
    table, rejects = index_spectra([tmp_path / "empty.fits"])
    assert len(table) == 0
    assert [reject.code for reject in rejects] == ["empty"]
