"""Mirrors of survey files."""

from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.archives.mirror import FibreKey, Observation, join_observations


def test_real_names_tell_the_fibre(shared_data: Path) -> None:
    keys = {FibreKey.from_name(path) for path in (shared_data / "lamost/dr1-plate").glob("*.fits")}
    assert None not in keys
    assert {(key.lmjd, key.planid, key.spid) for key in keys if key} == {(55862, "B6212", 6)}
    assert len(keys) == 85


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("spec-55967-GAC_073N44_V3_sp08-023.fits", FibreKey(55967, "GAC_073N44_V3", 8, 23)),
        (
            "/lamost/x/med-58422-TD045606N215332B01_sp04-062.fits.gz",
            FibreKey(58422, "TD045606N215332B01", 4, 62),
        ),
        ("tg160037.fit", None),
    ],
)
def test_fibre_of_a_name(name: str, key: FibreKey | None) -> None:
    assert FibreKey.from_name(name) == key


def test_releases_are_joined_by_obsid_or_fibre() -> None:
    fibre = [FibreKey(55903, "B90306", 6, number) for number in range(4)]
    dr1 = [Observation(fibre=fibre[0]), Observation(fibre=fibre[1]), Observation(fibre=fibre[3])]
    dr10 = [
        Observation(obsid=11, fibre=fibre[1]),
        Observation(obsid=10, fibre=fibre[0]),
        Observation(obsid=12),
    ]
    assert join_observations(dr1, dr10) == [(0, 1), (1, 0)]
    # an OBSID decides even where the plan was renamed between releases
    renamed = [Observation(obsid=12, fibre=FibreKey(55903, "B90306_renamed", 6, 2))]
    assert join_observations(renamed, dr10) == [(0, 2)]
    assert join_observations([Observation()], dr10) == []
