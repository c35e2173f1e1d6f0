"""The client against a running service; positions and scores are those of conftest."""

import http.server
import threading
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from vo_emline.client import Client, TruncatedWarning, connect
from vo_emline.errors import ArchiveError, UserError


def names(found: object) -> list[int]:
    """Give the obsids of a result, in its order."""
    return [int(value) for value in found["obsid"]]  # type: ignore[index]


def test_nobody_there() -> None:
    with pytest.raises(ArchiveError, match=r"is it running \('vo-emline serve RUN'\)") as caught:
        connect("http://127.0.0.1:9")
    assert caught.value.retry


@pytest.fixture
def web_page() -> Iterator[str]:
    """A server that is no candidate service."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_something_else_there(web_page: str) -> None:
    with pytest.raises(UserError, match="is not a candidate service: HTTP 501"):
        connect(web_page)


def test_the_surest_come_first(client: Client) -> None:
    found = client.search(limit=5)
    assert names(found) == [101, 102, 103, 104]
    assert list(found["score"]) == pytest.approx([0.99, 0.95, 0.80, 0.60])


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({"label": "double-peak"}, [101, 103]),
        ({"label": ["emission", "double_peak"], "min_score": 0.9}, [101, 102]),
        ({"min_snr": 100}, [101]),
        ({"label": "absorption"}, [105, 106]),
        ({"where": "dec < 0"}, [103]),
        ({"table": "emline.scores", "min_snr": 50}, [101, 102, 105]),
        ({"target": "98.568 2.508"}, [101]),
        ({"target": "98.568 2.508", "radius": 5 * u.arcmin}, [101, 102]),
        ({"target": "06:34:16.35 +02:30:30.2", "radius": "5 arcmin", "label": "emission"}, [102]),
        ({"target": SkyCoord(98.568125, 2.508389, unit="deg").galactic}, [101]),
        ({"target": "LAMOST J063416.35+023030.2"}, [101]),
        ({"target": "0 -1", "radius": 2 * u.deg, "table": "emline.scores"}, [105]),
    ],
)
def test_constraints(client: Client, constraints: dict[str, object], expected: list[int]) -> None:
    assert names(client.search(**constraints)) == expected  # type: ignore[arg-type]
    assert client.count(**constraints) == len(expected)  # type: ignore[arg-type]


def test_a_radius_needs_a_target(client: Client) -> None:
    with pytest.raises(UserError, match="a radius needs a target"):
        client.search(radius=5 * u.arcsec)


def test_missing_rows_are_told_and_how_to_get_them(client: Client) -> None:
    with pytest.warns(TruncatedWarning, match="only the first 3 rows were sent.*ask for 'all'"):
        found = client.search()
    assert found.truncated
    assert len(found) == 3
    assert "there are more" in repr(found)


def test_all_means_what_the_service_sends_at_most(client: Client) -> None:
    assert len(client.search(limit="all")) == 4
    pairs = "SELECT a.obsid FROM emline.scores AS a, emline.scores AS b"
    assert len(client.adql(pairs, maxrec="all")) == 36
    with pytest.warns(TruncatedWarning, match="only the first 100 rows were sent.*narrow the query"):
        assert len(client.adql(f"{pairs}, emline.scores AS c", maxrec="all")) == 100


def test_a_limit_that_was_asked_for_is_no_surprise(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names(client.search(limit=2)) == [101, 102]
        assert names(client.adql("SELECT obsid FROM emline.scores ORDER BY obsid", maxrec=2)) == [101, 102]


def test_adql(client: Client) -> None:
    found = client.adql("SELECT label, COUNT(*) AS n FROM emline.scores GROUP BY label ORDER BY label")
    assert list(found["label"]) == ["absorption", "double-peak", "emission"]
    assert list(found["n"]) == [2, 2, 2]


def test_a_refused_query_has_the_reason_of_the_service(client: Client) -> None:
    with pytest.raises(UserError, match=r"(?is)the service refuses the query.*no_such_column"):
        client.adql("SELECT no_such_column FROM emline.candidates")


def test_uploads_are_joined(client: Client) -> None:
    mine = Table({"name": ["Orion", "nowhere"], "obsid": [103, 999]})
    query = (
        "SELECT m.name, c.label FROM TAP_UPLOAD.mine AS m JOIN emline.candidates AS c ON m.obsid = c.obsid"
    )
    found = client.adql(query, uploads={"mine": mine})
    assert [tuple(row) for row in found] == [("Orion", "double-peak")]
    again = client.adql(
        query, uploads={"mine": client.search(limit=1, columns=["obsid", "designation AS name"])}
    )
    assert again["name"][0] == "J063416.35+023030.2"


def test_describe(client: Client) -> None:
    tables = client.describe()
    assert {"emline.candidates", "emline.scores", "emline.rejects"} <= set(tables["table_name"])
    columns = client.describe("emline.candidates")
    ra = columns[list(columns["column_name"]).index("ra")]
    assert (ra["unit"], ra["ucd"]) == ("deg", "pos.eq.ra;meta.main")
    with pytest.raises(UserError, match=r"no table 'emline\.stars'; it has .*emline\.candidates"):
        client.describe("emline.stars")


def test_find(client: Client) -> None:
    row = client.search(limit=1)[0]
    for name in (row["candidate_id"], row["obs_publisher_did"], "J063416.35+023030.2", "101"):
        assert client.find(str(name))["obsid"] == 101
    with pytest.raises(UserError, match="has no spectrum called 'V395 Aur'"):
        client.find("V395 Aur")


def test_spectrum(client: Client) -> None:
    spectrum = client.spectrum("101")
    near = np.abs(spectrum.wavelength_vac - 6564.6) < 12
    peaks = spectrum.wavelength_vac[near][np.argsort(spectrum.flux[near])[-2:]]
    assert peaks == pytest.approx([6559.6, 6559.6], abs=2)
    assert spectrum.identity.designation == "J063416.35+023030.2"
    did = str(client.find("101")["obs_publisher_did"])
    np.testing.assert_array_equal(client.spectrum(did).flux, spectrum.flux)


def test_an_unknown_spectrum(client: Client) -> None:
    with pytest.raises(ArchiveError, match="HTTP 404"):
        client.spectrum("ivo://nowhere/~?nothing")


def test_the_client_names_its_service(client: Client, service_url: str) -> None:
    assert repr(client) == f"<Client of {service_url}>"


def test_stars_are_found_and_their_epochs(client: Client) -> None:
    stars = client.objects(label="double-peak", limit="all")
    assert stars["designations"].tolist() == ["J063416.35+023030.2", "J052000.00-052328.0"]
    assert len(client.objects(min_epochs=2)) == 0
    assert len(client.objects(changed=5.0, where="n_spectra > 1")) == 0
    star = stars[0]["object_id"]
    for name in (star, "101", "J063416.35+023030.2", client.find("101")["candidate_id"]):
        (row,) = client.epochs(name)
        assert (row["object_id"], row["obsid"], row.text("survey")) == (star, 101, "LAMOST LRS")
    with pytest.raises(UserError, match="no star with a spectrum called 'nobody'"):
        client.epochs("nobody")
