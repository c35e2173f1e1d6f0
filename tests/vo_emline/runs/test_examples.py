from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.errors import UserError
from vo_emline.runs.examples import gather
from vo_emline.runs.settings import load_settings
from vo_emline.simulate import write_ondrejov
from vo_emline.spectra import find_spectra


def test_labels_of_other_spectra_are_an_error_not_a_purely_simulated_network(tmp_path: Path) -> None:
    write_ondrejov(tmp_path / "ondrejov", n_stars=2, per_star=1, seed=4)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\nivo://asu.cas.cz/stel/ccd700/zz999999,emission\n")
    with pytest.raises(UserError, match=r"2 of 2 files have a window.*labels\.csv has no label for any"):
        gather(find_spectra([tmp_path / "ondrejov"]), labels, settings=load_settings())
