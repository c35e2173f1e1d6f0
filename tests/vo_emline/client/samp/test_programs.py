"""Real programs: the hub and the snooper of JSAMP, and TOPCAT."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from PIL import Image

from vo_emline.cli.samp import samp
from vo_emline.client import Client
from vo_emline.client.linked import spectrum_of_file, table_of_file
from vo_emline.client.samp import (
    LinkedTable,
    RefusedError,
    SampSession,
    SpectrumReference,
    TableReference,
    send_spectrum,
)
from vo_emline.client.samp.messages import load_spectrum
from vo_emline.errors import UserError

SPECTRUM = SpectrumReference(
    url="http://127.0.0.1:9/spectrum?ID=1", name="V395 Aur", identifier="ivo://x?1", position=(83.8, 30.2)
)


@pytest.fixture
def table(tmp_path: Path) -> TableReference:
    """A VOTable of three stars in a file."""
    path = tmp_path / "stars.vot"
    stars = Table({"ra": [98.568, 83.822, 10.0], "dec": [2.508, -5.391, 41.0], "score": [0.99, 0.8, 0.6]})
    stars.write(path, format="votable")
    return table_of_file(path)


def test_the_snooper_gets_the_spectrum_with_its_metadata(jsamp_session: SampSession, snooper: Path) -> None:
    (delivery,) = send_spectrum(jsamp_session, SPECTRUM, to="Snooper")
    assert delivery.status == "warning"
    assert "not acted on" in delivery.text
    log = snooper.read_text()
    received = json.loads(log[log.index("{") :])
    assert received == load_spectrum(SPECTRUM)


def test_the_jsamp_hub_has_nobody_for_tables(jsamp_session: SampSession, table: TableReference) -> None:
    with pytest.raises(UserError, match=r"accepts table\.load\.votable; present: Hub"):
        LinkedTable(jsamp_session, table).load()


@pytest.mark.topcat
@pytest.mark.slow
def test_topcat_loads_highlights_and_selects(
    topcat: SampSession, table: TableReference, screenshot: Callable[[], Path], tmp_path: Path
) -> None:
    link = LinkedTable(topcat, table)

    (loaded,) = link.load(to="topcat")
    (highlighted,) = link.highlight(1, to="topcat")
    (selected,) = link.select([0, 2], to="topcat")
    (pointed,) = link.point_at(98.568, 2.508, to="topcat")

    assert [one.status for one in (loaded, highlighted, selected)] == ["ok"] * 3
    # no window that shows the sky is open there
    assert (pointed.status, pointed.text) == ("warning", "coordinate pair not used by TOPCAT")
    assert np.asarray(Image.open(screenshot()).convert("L")).std() > 10, "the screen is blank"
    assert_strange_tables_are_refused(topcat, tmp_path)


def assert_strange_tables_are_refused(topcat: SampSession, tmp_path: Path) -> None:
    """TOPCAT says no, in its own words, to a table that is not there and to rows it does not know."""
    gone = TableReference((tmp_path / "gone.vot").as_uri(), "id-gone", "gone")
    with pytest.raises(RefusedError, match=r"topcat: error .*gone\.vot"):
        LinkedTable(topcat, gone).load(to="topcat")
    unknown = TableReference("http://nowhere/table", "id-unknown", "unknown")
    with pytest.raises(RefusedError, match="topcat: error"):
        LinkedTable(topcat, unknown).highlight(0, to="topcat")


@pytest.mark.topcat
@pytest.mark.slow
def test_topcat_gets_a_spectrum_as_a_table(topcat: SampSession, shared_data: Path) -> None:
    path = next((shared_data / "lamost" / "dr2").glob("*.fits"))
    (delivery,) = send_spectrum(topcat, spectrum_of_file(path), to="topcat")
    assert delivery.status == "ok"
    with pytest.raises(UserError, match=r"topcat does not accept spectrum\.load\.ssa-generic"):
        send_spectrum(topcat, SPECTRUM, to="topcat", as_table=False)


@pytest.mark.topcat
@pytest.mark.slow
def test_what_is_clicked_in_topcat_arrives_here(
    topcat: SampSession, table: TableReference, mouse: Callable[..., None]
) -> None:
    """The mouse ticks and presses buttons; places are those of TOPCAT 4.8.7 without a window manager."""
    link = LinkedTable(topcat, table)
    link.load(to="topcat")
    link.highlight(1, to="topcat")
    link.select([0, 2], to="topcat")

    tick_send_row_index, invoke_ticked_actions = (100, 361), (244, 99)
    mouse((341, 40), opens="Activation")
    mouse(tick_send_row_index, invoke_ticked_actions, condition=lambda: link.highlighted == 1)

    subset_named_after_us, broadcast = (275, 206), (460, 100)
    mouse((269, 40), opens="Row Subsets")
    mouse(subset_named_after_us, broadcast, condition=lambda: link.selected == (0, 2))
    assert (link.highlighted, link.selected) == (1, (0, 2))


@pytest.mark.topcat
@pytest.mark.slow
def test_topcat_gets_candidates_and_spectra_from_the_service(topcat: SampSession, client: Client) -> None:
    """The way of a Python user: nothing travels but addresses of the running service."""
    with client.search(limit="all").samp(to="topcat", name="candidates") as linked:
        answers = [
            *linked.deliveries,
            *linked.highlight(1, to="topcat"),
            *linked.select(linked.candidates["score"] > 0.9, to="topcat"),
            *linked.send_spectrum(0, to="topcat"),
        ]
    assert [str(one) for one in answers] == ["topcat: ok"] * 4


@pytest.mark.topcat
@pytest.mark.slow
def test_topcat_gets_the_same_from_the_command_line(
    topcat: SampSession, service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)
    for command in ("send table --label emission --to topcat", "send spectrum 101 --to topcat"):
        result = CliRunner().invoke(samp, command.split(), catch_exceptions=False)
        assert result.stdout == "topcat: ok\n"


@pytest.mark.stilts
def test_the_vo_library_of_topcat_queries_the_service(stilts: None, service_url: str, tmp_path: Path) -> None:
    """TOPCAT's own TAP window is STILTS inside; so this is the way without Python."""
    query = "SELECT obsid, access_url FROM emline.candidates WHERE score > 0.9 ORDER BY obsid"
    out = tmp_path / "rows.csv"
    command = ["stilts", "tapquery", f"tapurl={service_url}/tap", f"adql={query}", f"out={out}", "ofmt=csv"]
    subprocess.run(command, check=True, capture_output=True)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["obsid"] for row in rows] == ["101", "102"]
    command = [
        "stilts",
        "tpipe",
        f"in={rows[0]['access_url']}",
        "ifmt=votable",
        "cmd=stats name mean",
        "ofmt=csv",
    ]
    spectrum = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert [line.split(",")[0] for line in spectrum.splitlines()[1:3]] == ["wavelength", "flux"]
