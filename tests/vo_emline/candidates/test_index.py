from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from vo_emline.candidates import SPECTRA, index_spectra, index_table
from vo_emline.preprocess import COVERAGE_SCHEMA, IDENTITY_SCHEMA, coverage_table, identity_table
from vo_emline.spectra import Spectrum, find_spectra, read


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
