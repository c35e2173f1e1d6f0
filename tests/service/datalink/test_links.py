"""DataLink over real HTTP, asked by the clients people use."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.io.votable import parse
from astropy.io.votable.tree import VOTableFile
from pyvo.dal import SSAService
from pyvo.dal.adhoc import DatalinkResults
from pyvo.io import vosi

from service.datalink import descriptors
from service.datalink.links import LINKS, MAX_IDS
from service.urls import Urls
from vo_emline.candidates.columns import CANDIDATES, REJECTS
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.spectra import read_bytes

DATALINK_TYPE = "application/x-votable+xml;content=datalink"


def document(answer: httpx.Response) -> VOTableFile:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == DATALINK_TYPE
    return parse(io.BytesIO(answer.content), verify="exception")


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    table = document(answer).get_first_table().to_table()
    return [
        {
            name: None if np.ma.is_masked(row[name]) or row[name] == "" else row[name]
            for name in table.colnames
        }
        for row in table
    ]


def test_a_spectrum_has_its_links_in_a_fixed_order(archive: Any) -> None:
    links = rows(archive.get("datalink/links", ID=archive.dids["dr7"]))
    assert [(row["semantics"], row["content_type"]) for row in links] == [
        ("#this", "application/x-votable+xml"),
        ("#this", "application/fits"),
        ("#progenitor", "image/fits"),
        ("#preview", "image/png"),
        ("#cutout", "application/x-votable+xml"),
        ("#auxiliary", "text/html"),
    ]
    assert {row["ID"] for row in links} == {archive.dids["dr7"]}
    assert {row["link_auth"] for row in links} == {"false"}
    assert all(row["link_authorized"] for row in links)


def test_every_row_has_exactly_one_of_link_service_and_error(archive: Any) -> None:
    answer = httpx.get(f"{archive.url}/datalink/links", params={"ID": [*archive.dids.values(), "nobody"]})
    for row in rows(answer):
        given = [name for name in ("access_url", "service_def", "error_message") if row[name] is not None]
        assert len(given) == 1, row


@pytest.mark.parametrize("name", ["ondrejov", "raw", "dr1", "dr7", "dr10"])
def test_every_link_leads_to_what_it_says(archive: Any, name: str) -> None:
    for row in rows(archive.get("datalink/links", ID=archive.dids[name])):
        if row["access_url"] is None:
            continue
        answer = httpx.get(row["access_url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].removesuffix("; charset=utf-8") == row["content_type"]
        if row["content_length"] is not None:
            assert len(answer.content) == row["content_length"]


def test_the_columns_are_those_of_the_standard(archive: Any) -> None:
    fields = document(archive.get("datalink/links")).get_first_table().fields
    assert [(field.name, field.ucd) for field in fields[:8]] == [
        ("ID", "meta.id;meta.main"),
        ("access_url", "meta.ref.url"),
        ("service_def", "meta.ref"),
        ("error_message", "meta.code.error"),
        ("description", "meta.note"),
        ("semantics", "meta.code"),
        ("content_type", "meta.code.mime"),
        ("content_length", "phys.size;meta.file"),
    ]
    assert (fields[7].datatype, str(fields[7].unit)) == ("long", "byte")
    assert [field.name for field in fields[8:]] == [column.name for column in LINKS[8:]]


@pytest.mark.parametrize("method", ["GET", "POST", "multipart"])
def test_many_identifiers_are_answered_in_their_order_however_they_come(archive: Any, method: str) -> None:
    wanted = [archive.dids["dr7"], "ivo://nobody/nothing", archive.dids["vanished"], archive.dids["raw"]]
    url = f"{archive.url}/datalink/links"
    if method == "GET":
        answer = httpx.get(url, params={"ID": wanted})
    elif method == "POST":
        answer = httpx.post(url, data={"id": wanted})
    else:
        answer = httpx.post(url, files=[("ID", (None, did)) for did in wanted])
    links = rows(answer)
    assert list(dict.fromkeys(row["ID"] for row in links)) == wanted
    faults = {row["ID"]: row["error_message"] for row in links if row["error_message"]}
    assert faults == {
        wanted[1]: "NotFoundFault: there is no spectrum ivo://nobody/nothing",
        wanted[2]: f"NotFoundFault: the file of {wanted[2]} is gone",
    }


def test_no_identifier_gives_no_rows_and_a_description_of_the_service(archive: Any) -> None:
    response = archive.get("datalink/links")
    answer = document(response)
    assert len(answer.get_first_table().array) == 0
    [service] = [resource for resource in answer.resources if resource.type == "meta"]
    assert (
        '<RESOURCE name="this" type="meta" utype="adhoc:service">' in response.text
    )  # astropy does not read it
    assert {param.name: param.value for param in service.params}[
        "accessURL"
    ] == f"{archive.url}/datalink/links"


def test_a_repeated_identifier_counts_once(archive: Any) -> None:
    answer = httpx.get(f"{archive.url}/datalink/links", params={"ID": [archive.dids["raw"]] * 3})
    assert len(rows(answer)) == 6


def test_more_identifiers_than_the_limit_end_with_overflow(archive: Any) -> None:
    wanted = [f"ivo://nobody/{number}" for number in range(MAX_IDS + 5)]
    answer = httpx.post(f"{archive.url}/datalink/links", data={"ID": wanted}, timeout=60)
    seen = document(answer)
    assert len(seen.get_first_table().array) == MAX_IDS
    assert 'value="OVERFLOW"' in answer.text
    full = httpx.post(f"{archive.url}/datalink/links", data={"ID": wanted[:MAX_IDS]}, timeout=60)
    assert "OVERFLOW" not in full.text


def test_the_standard_is_named(archive: Any) -> None:
    infos = {info.name: info.value for info in document(archive.get("datalink/links")).resources[0].infos}
    assert infos["standardID"] == "ivo://ivoa.net/std/DataLink#links-1.1"
    assert infos["QUERY_STATUS"] == "OK"


@pytest.mark.parametrize("wanted", ["votable", "application/x-votable+xml", DATALINK_TYPE, ""])
def test_response_formats_that_are_votables_are_fine(archive: Any, wanted: str) -> None:
    assert archive.get("datalink/links", RESPONSEFORMAT=wanted).status_code == 200


def test_another_response_format_is_a_usage_fault(archive: Any) -> None:
    answer = archive.get("datalink/links", RESPONSEFORMAT="application/pdf")
    assert answer.status_code == 400
    info = parse(io.BytesIO(answer.content)).resources[0].infos[0]
    assert info.value == "ERROR"
    assert info.content.startswith("UsageFault: ")


def test_the_cut_out_service_tells_the_range_of_the_spectrum(archive: Any) -> None:
    results = DatalinkResults.from_result_url(f"{archive.url}/datalink/links?ID={archive.dids['ondrejov']}")
    inputs = {param.name: param for param in results.get_first_proc().input_params}
    assert list(inputs) == ["ID", "BAND", "FLUXCALIB", "FORMAT", "MEDIUM"]
    np.testing.assert_allclose(inputs["BAND"].values.max, [6284e-10, 6734e-10])
    assert (str(inputs["BAND"].unit), inputs["BAND"].xtype) == ("m", "interval")
    assert [value for _, value in inputs["FLUXCALIB"].values.options] == [
        "UNCALIBRATED",
        "relative",
        "normalized",
    ]
    assert [value for _, value in inputs["MEDIUM"].values.options] == ["vacuum", "air"]
    assert inputs["ID"].ref == "ID"


def test_pyvo_processes_by_the_descriptor(archive: Any) -> None:
    results = DatalinkResults.from_result_url(f"{archive.url}/datalink/links?ID={archive.dids['raw']}")
    content = results.get_first_proc().process(
        band=(6.53e-7, 6.6e-7) * u.m, fluxcalib="normalized", medium="air", format="application/fits"
    )
    seen = read_bytes(content.read(), source="cut-out")
    assert seen.medium == "air"
    assert seen.normalised
    assert seen.wavelength_vac[0] >= 6530


def test_pyvo_takes_the_dataset_and_the_preview_by_meaning(archive: Any) -> None:
    results = DatalinkResults.from_result_url(f"{archive.url}/datalink/links?ID={archive.dids['dr1']}")
    first, second = results.bysemantics("#this", include_narrower=False)
    assert len(read_bytes(first.getdataset().read(), source="votable")) == 3909
    assert len(read_bytes(second.getdataset().read(), source="fits")) == 3909
    [preview] = results.bysemantics("#preview", include_narrower=False)
    assert preview.getdataset().read().startswith(b"\x89PNG")


def test_pyvo_follows_every_row_of_an_ssa_answer(archive: Any) -> None:
    results = SSAService(f"{archive.url}/ssa").search(collection="LAMOST")
    seen = {links.original_row["ssa_pubDID"]: len(links) for links in results.iter_datalinks()}
    assert seen == {archive.dids[name]: 6 for name in ("dr1", "dr7", "dr10")}


def test_pyvo_follows_the_rows_of_tap_and_obscore_answers(archive: Any) -> None:
    service = pyvo.dal.TAPService(f"{archive.url}/tap")
    for table in ("emline.scores", "ivoa.obscore"):
        results = service.search(f"SELECT * FROM {table} WHERE obs_publisher_did LIKE '%TEST%'")
        assert len(results) == 3
        assert all(len(links) == 6 for links in results.iter_datalinks())
        record = results[0]
        content = record.processed(band=(6.5e-7, 6.6e-7) * u.m).read()
        assert len(read_bytes(content, source=table)) == 66


def test_descriptors_go_with_publisher_dids_only() -> None:
    urls = Urls("https://example.org")
    assert descriptors(REJECTS.columns, urls) == []
    for columns in (CANDIDATES.columns, OBSCORE.columns):
        links, soda = descriptors(columns, urls)
        assert links.groups[0].entries[0].ref == soda.groups[0].entries[0].ref == "obs_publisher_did"
        assert {param.name: param.value for param in soda.params} == {
            "standardID": "ivo://ivoa.net/std/SODA#sync-1.0",
            "accessURL": "https://example.org/spectrum",
        }


def lint(program: str, *arguments: str | Path) -> str:
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    assert path is not None
    command = [path, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


@pytest.mark.stilts
@pytest.mark.parametrize("names", [(), ("dr7",), ("dr7", "vanished", "raw")], ids=str)
def test_validators_find_nothing(archive: Any, tmp_path: Path, names: tuple[str, ...]) -> None:
    url = str(
        httpx.URL(f"{archive.url}/datalink/links", params={"ID": [archive.dids[name] for name in names]})
    )
    totals = json.loads(lint("stilts", "datalinklint", f"votable={url}", "format=json"))["totals"]
    assert (totals["ERROR"], totals["WARNING"], totals["FAILURE"]) == (0, 0, 0)
    path = tmp_path / "links.vot"
    path.write_bytes(httpx.get(url).content)
    assert lint("stilts", "votlint", path) == ""
    assert "found no violations" in lint("volint", path)


@pytest.mark.stilts
@pytest.mark.parametrize(
    ("path", "standards"),
    [
        ("ssa", {"ivo://ivoa.net/std/SSA"}),
        ("datalink", {"ivo://ivoa.net/std/DataLink#links-1.1", "ivo://ivoa.net/std/SODA#sync-1.0"}),
    ],
)
def test_capabilities_say_which_standards_are_spoken(
    archive: Any, tmp_path: Path, path: str, standards: set[str]
) -> None:
    for name in ("capabilities", "availability"):
        document = tmp_path / name
        document.write_bytes(archive.get(f"{path}/{name}").content)
        assert lint("stilts", "xsdvalidate", "uselocals=true", f"doc={document}") == ""
    spoken = {item.standardid: item for item in vosi.parse_capabilities(str(tmp_path / "capabilities"))}
    assert standards < spoken.keys()
    for standard in standards:
        [address] = spoken[standard].interfaces[0].accessurls
        assert httpx.get(address.content).status_code in (200, 400)
