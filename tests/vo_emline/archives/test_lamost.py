"""The LAMOST services, replayed from their recorded answers over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from vo_emline.archives import SsaQuery, archives, fetch_records
from vo_emline.archives.lamost import (
    FibreKey,
    LamostService,
    Observation,
    join_observations,
    obsids_of,
    table_of_rows,
)
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.session import Politeness, Session


@pytest.fixture
def replay(serve: Any, reply: Any, shared_data: Path) -> Any:
    """The recorded service: an answer comes only for the recorded path, parameters and body."""
    folder = shared_data / "services/lamost"
    recorded = json.loads((folder / "manifest.json").read_text())["files"]

    def respond(request: Any) -> Any:
        for name, entry in recorded.items():
            path = urlsplit(entry["url"]).path
            wanted = {key: str(value) for key, value in (entry.get("params") or {}).items()}
            asked = {
                key: value
                for key, value in request.query.items()
                if key not in {"REQUEST", "request", "token"}
            }
            body = json.loads(request.body) if request.body else None
            if path == request.path and wanted == asked and body == entry.get("json"):
                headers = {"Content-Type": entry["content_type"]}
                if name.endswith(".gz"):
                    return reply((shared_data / "lamost/dr10" / name).read_bytes(), headers=headers)
                return reply((folder / name).read_bytes(), headers=headers)
        return reply(b'{"error": "not recorded"}', 404)

    return serve(respond)


@pytest.fixture
def service(replay: Any) -> LamostService:
    config = archives().lamost.model_copy(update={"openapi": f"{replay.url}/openapi"})
    return LamostService("dr10", "v2.0", config=config, session=Session(Politeness(attempts=1)))


def test_ssa(service: LamostService) -> None:
    answer = service.search(SsaQuery(position=SkyCoord(10.0, 40.0, unit="deg"), size=0.2 * u.deg))
    assert len(answer.records) == 225
    first = answer.records[0]
    assert first.publisher_did == "ivo://china-vo.org/data/lamost/dr10/v2.0/spectrum/fits/403028"
    assert first.access_url == f"{service.base_url}/lrs/spectrum/fits?obsid=403028"
    centre = SkyCoord(10.0, 40.0, unit="deg")
    found = SkyCoord([r.ra for r in answer.records], [r.dec for r in answer.records], unit="deg")
    assert max(found.separation(centre)) < 0.21 * u.deg


def test_cone_search(serve: Any, reply: Any, shared_data: Path) -> None:
    # the recorded cone search is not kept, but its table has the columns of the SSA answer
    body = (shared_data / "services/lamost/ssap_response.xml").read_bytes()
    server = serve(lambda request: reply(body))
    config = archives().lamost.model_copy(update={"openapi": server.url})
    table = LamostService(config=config).cone(SkyCoord(10.0004738, 40.9952444, unit="deg"), 0.2 * u.deg)
    assert len(table) == 225
    assert table["obsid"][0] == 403028
    (request,) = server.requests
    assert request.path == "/dr10/v2.0/lrs/voservice/conesearch"
    assert request.query == {"ra": "10.0004738", "dec": "40.9952444", "sr": "0.2", "output.fmt": "votable"}


def test_sql(service: LamostService) -> None:
    table = service.sql("SELECT * FROM combined LIMIT 3")
    assert obsids_of(table) == ["780407018", "780407020", "780407007"]
    assert table["ra"][0] == pytest.approx(138.17024)
    assert table["designation"][0] == "J091240.85+125805.4"


def test_a_catalogue_page(service: LamostService) -> None:
    table = service.query("combined", columns=["obsid", "ra", "dec", "teff", "class"], rows=3)
    assert list(table["obsid"]) == [780407018, 780407020, 780407007]
    assert table["teff"].mask.tolist() == [True, False, False]
    assert table["teff"][1] == pytest.approx(5535.28)
    assert list(table["class"]) == ["QSO", "STAR", "STAR"]


def test_paging_gives_every_row_once(service: LamostService) -> None:
    pages = list(service.result_pages(12345, rows=5))
    assert [obsid for page in pages for obsid in page["obsid"]] == list(range(10001, 10011))


def test_an_empty_page_before_the_end_is_an_error(serve: Any, reply: Any) -> None:
    server = serve(lambda request: reply(b'{"total": 10}' if request.path.endswith("count") else b"[]"))
    config = archives().lamost.model_copy(update={"openapi": server.url})
    with pytest.raises(ArchiveError, match="page 1 is empty after 0 of 10 rows"):
        list(LamostService(config=config).result_pages(1))


def test_other_observations_of_the_same_star(service: LamostService) -> None:
    related = service.related_obsids(686112127)
    assert len(related["lrs"]) == 14
    assert len(related["mrs"]) == 12
    assert 686112127 in related["lrs"]


def test_what_the_catalogue_says_of_one(service: LamostService) -> None:
    info = service.info(686112127)
    assert info["subclass"] == "A7"
    assert info["snrr"] == pytest.approx(132.98)


def test_releases(service: LamostService) -> None:
    releases = service.releases()
    public = {(release.name, release.version) for release in releases if release.public}
    assert ("dr10", "v2.0") in public
    assert not any(name == "dr13" for name, _ in public)


def test_tap_address(service: LamostService) -> None:
    assert service.tap_url() == "https://www.lamost.org/dr10/v2.0/voservice/tap"


def test_a_spectrum_is_fetched_as_delivered(
    serve: Any, reply: Any, shared_data: Path, tmp_path: Path
) -> None:
    name = "spec-57278-EG224429N215706B01_sp01-001.fits.gz"
    content = (shared_data / "lamost/dr10" / name).read_bytes()
    server = serve(lambda request: reply(content, headers={"Content-Type": "application/gzip"}))
    config = archives().lamost.model_copy(update={"openapi": server.url})
    service = LamostService(config=config, token="s3cret", resolution="mrs")
    report = fetch_records(service.records(["353301001"]), tmp_path)
    assert report.fetched == 1
    assert (tmp_path / "353301001.fits.gz").read_bytes() == content
    (request,) = server.requests
    assert request.path == "/dr10/v2.0/mrs/spectrum/fits"
    assert request.query == {"obsid": "353301001", "token": "s3cret"}
    manifest = (tmp_path / "manifest.jsonl").read_text()
    assert "token=***" in manifest
    assert "s3cret" not in manifest


def test_errors_keep_the_token_secret(replay: Any) -> None:
    config = archives().lamost.model_copy(update={"openapi": f"{replay.url}/openapi"})
    service = LamostService(
        "dr12", "v1.1", token="s3cret", config=config, session=Session(Politeness(attempts=1))
    )
    with pytest.raises(ArchiveError, match="404") as caught:
        service.info(1)
    assert "s3cret" not in str(caught.value)


def test_what_is_not_json_is_an_error(serve: Any, reply: Any) -> None:
    server = serve(lambda request: reply(b"<html>maintenance</html>"))
    config = archives().lamost.model_copy(update={"openapi": server.url})
    service = LamostService(config=config)
    with pytest.raises(ArchiveError, match="not JSON"):
        service.tap_url()
    with pytest.raises(ArchiveError, match="refused the SQL query"):
        service.sql("SELECT 1")


@pytest.mark.parametrize("obsid", ["spec-1", "-5", "1.5", ""])
def test_identifiers_are_numbers(obsid: str) -> None:
    with pytest.raises(UserError, match="observation identifier"):
        LamostService().records([obsid])


def test_rows_of_text_become_numbers() -> None:
    table = table_of_rows(
        [{"a": "1", "b": "1.5", "c": "x", "d": None}, {"a": 2, "b": None, "c": "", "d": None}]
    )
    assert table["a"].dtype.kind == "i"
    assert table["b"].tolist() == [1.5, None]
    assert table["c"].tolist() == ["x", None]
    assert len(table_of_rows([])) == 0


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
