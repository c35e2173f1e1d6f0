"""Cone search over real HTTP, asked by the clients people use."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.table import Table


def get(served: Any, path: str, **parameters: str) -> httpx.Response:
    return httpx.get(f"{served.url}/{path}", params=parameters, timeout=60)


STRICT = {"ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"}


def places(served: Any, table: str) -> Table:
    answer = served.sync(f"SELECT * FROM emline.{table}", RESPONSEFORMAT="votable")
    return parse(io.BytesIO(answer.content)).get_first_table().to_table()


@pytest.mark.parametrize("table", ["candidates", "objects", "scores"])
def test_a_cone_holds_what_lies_in_it_the_nearest_first(served: Any, table: str) -> None:
    everything = places(served, table)
    centre = SkyCoord(everything["ra"][0] * u.deg, everything["dec"][0] * u.deg)
    away = centre.separation(SkyCoord(everything["ra"], everything["dec"], unit="deg")).deg
    for radius in (0.0, 1e-4, 20.0, 180.0):
        found = pyvo.conesearch(f"{served.url}/scs/{table}", (centre.ra.deg, centre.dec.deg), radius)
        assert len(found) == np.sum(away <= radius + 1e-9)
        separation = np.asarray(found["separation"])
        assert np.all(np.diff(separation) >= 0)
        assert separation[-1] == pytest.approx(np.max(away[away <= radius + 1e-9]), abs=1e-7)


def test_the_answer_has_the_columns_that_the_standard_wants(served: Any) -> None:
    answer = get(served, "scs/objects", RA="10", DEC="20", SR="180", VERB="1")
    assert answer.headers["content-type"] == "text/xml;content=x-votable"
    table = parse(io.BytesIO(answer.content)).get_first_table()  # these UCDs are older than astropy's list
    ucds = [field.ucd for field in table.fields]
    assert all(ucds.count(name) == 1 for name in STRICT)
    kinds = {field.ucd: field.datatype for field in table.fields}
    assert [kinds[name] for name in ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN")] == [
        "char",
        "double",
        "double",
    ]
    everything = get(served, "scs/objects", RA="10", DEC="20", SR="0", VERB="3")
    assert len(parse(io.BytesIO(everything.content)).get_first_table().fields) > len(table.fields)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"RA": "10", "DEC": "20"}, "SR is missing"),
        ({"RA": "x", "DEC": "20", "SR": "1"}, "RA: x is not a number"),
        ({"RA": "nan", "DEC": "20", "SR": "1"}, "RA: nan is not a number"),
        ({"RA": "10", "DEC": "91", "SR": "1"}, "DEC=91.0 is no declination"),
        ({"RA": "10", "DEC": "20", "SR": "-1"}, "SR=-1.0 is no radius"),
        ({"RA": "10", "DEC": "20", "SR": "1", "VERB": "4"}, "VERB=4"),
        ({"RA": "10", "DEC": "20", "SR": "1", "MAXREC": "many"}, "MAXREC=many"),
        ({"RA": "10' OR 1=1", "DEC": "20", "SR": "1"}, "RA: 10' OR 1=1 is not a number"),
    ],
)
def test_a_mistake_is_an_info_called_error(served: Any, given: dict[str, str], said: str) -> None:
    answer = get(served, "scs/candidates", **given)
    assert answer.status_code == 200
    info, *_ = parse(io.BytesIO(answer.content), verify="exception").infos
    assert info.name == "Error"
    assert said in info.value
    with pytest.raises(pyvo.DALQueryError, match="missing"):
        pyvo.dal.SCSQuery(f"{served.url}/scs/candidates").execute()


def test_a_table_without_positions_has_no_cones(served: Any) -> None:
    assert get(served, "scs/rejects", RA="10", DEC="20", SR="1").status_code == 404
    assert get(served, "scs/objects/capabilities").status_code == 200


def test_rows_beyond_maxrec_are_said(served: Any) -> None:
    answer = get(served, "scs/scores", RA="10", DEC="20", SR="180", MAXREC="3")
    assert len(parse(io.BytesIO(answer.content)).get_first_table().array) == 3
    assert b'value="OVERFLOW"' in answer.content


def test_stilts_asks_for_many_cones(served: Any, tmp_path: Path) -> None:
    wanted = places(served, "objects")[:5]
    wanted["ra", "dec"].write(tmp_path / "in.csv")
    command = [
        "stilts",
        "coneskymatch",
        f"serviceurl={served.url}/scs/objects",
        f"in={tmp_path / 'in.csv'}",
        "ra=ra",
    ]
    command += ["dec=dec", "sr=0.001", "find=best", f"out={tmp_path / 'out.csv'}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    found = Table.read(tmp_path / "out.csv")
    assert found["object_id"].tolist() == wanted["object_id"].tolist()
