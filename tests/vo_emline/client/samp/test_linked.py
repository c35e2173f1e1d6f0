"""Candidates of a running service shared with another program on a real hub."""

from collections.abc import Iterator

import pytest
from astropy.io.votable import parse_single_table

from vo_emline.client import Candidates, Client
from vo_emline.client.linked import LinkedCandidates, table_reference
from vo_emline.client.samp import LinkedTable, NoHubError, SampSession, TableReference, messages
from vo_emline.errors import UserError


class Desktop:
    """A program that loads what it is sent, as TOPCAT does."""

    def __init__(self, session: SampSession) -> None:
        self.session = session
        self.rows: list[int] = []
        self.spectra: list[dict[str, object]] = []
        session.listen({messages.TABLE_LOAD: self.load})
        session.listen({messages.SPECTRUM_LOAD: lambda _sender, params: self.spectra.append(params)})

    def load(self, _sender: str, params: dict[str, str]) -> None:
        """Read the table at the address, and link to it."""
        self.table = parse_single_table(params["url"]).to_table()
        self.link = LinkedTable(
            self.session, TableReference(params["url"], params["table-id"], params["name"])
        )
        self.link.on_highlight(self.rows.append)


@pytest.fixture
def desktop(session: SampSession) -> Iterator[Desktop]:
    with SampSession.connect(name="desktop") as connected:
        yield Desktop(connected)


@pytest.fixture
def found(client: Client) -> Candidates:
    return client.search(limit="all")


@pytest.fixture
def linked(found: Candidates, desktop: Desktop) -> Iterator[LinkedCandidates]:
    with found.samp(name="Be stars") as link:
        yield link


def test_the_other_program_has_the_same_rows_in_the_same_order(
    linked: LinkedCandidates, desktop: Desktop, found: Candidates
) -> None:
    assert desktop.link.table.url == found.url
    assert desktop.link.table.name == "Be stars"
    assert list(desktop.table["obsid"]) == list(found["obsid"])
    assert "desktop: ok" in repr(linked)


def test_a_row_highlighted_here_is_highlighted_there(linked: LinkedCandidates, desktop: Desktop) -> None:
    linked.highlight(2, to="desktop")
    assert desktop.rows == [2]
    with pytest.raises(UserError, match="there is no row 9; rows count from 0 to 3"):
        linked.highlight(9)


def test_a_selection_there_is_a_list_of_candidates_here(linked: LinkedCandidates, desktop: Desktop) -> None:
    chosen: list[Candidates] = []
    linked.on_select(chosen.append)
    desktop.link.select([3, 0], to="vo-emline")
    desktop.link.highlight(1, to="vo-emline")
    assert [row["obsid"] for row in linked.selection] == [104, 101]
    assert [row["obsid"] for row in chosen[0]] == [104, 101]
    assert linked.highlighted == 1


def test_rows_may_be_given_as_a_mask(linked: LinkedCandidates, desktop: Desktop, found: Candidates) -> None:
    linked.select(found["label"] == "double-peak", to="desktop")
    assert desktop.link.selected == (0, 2)


def test_pointing(linked: LinkedCandidates, desktop: Desktop) -> None:
    linked.point_at(0, to="desktop")
    assert desktop.link.pointed_at == pytest.approx((98.568125, 2.508389))


@pytest.mark.filterwarnings("ignore:The unit 'Angstrom' has been deprecated")  # VOUnits 1.1; astropy >= 8
def test_the_spectrum_message_has_what_the_table_knows(
    linked: LinkedCandidates, desktop: Desktop, found: Candidates
) -> None:
    linked.send_spectrum(0, to="desktop")
    (params,) = desktop.spectra
    assert params["url"] == found["access_url"][0]
    assert params["name"] == "J063416.35+023030.2"
    meta = params["meta"]
    assert isinstance(meta, dict)
    assert meta["Access.Format"] == "application/x-votable+xml"
    assert meta["Char.SpatialAxis.Coverage.Location.Value"] == "98.568125 2.508389"
    table = parse_single_table(str(params["url"])).to_table()
    assert meta["vox:spectrum_axes"].split() == table.colnames[:2]
    assert str(table[meta["Dataset.SpectralAxis"]].unit) == meta["vox:spectrum_units"]


def test_slices_travel_as_files_with_the_same_name_every_time(found: Candidates, desktop: Desktop) -> None:
    few = found[[1, 3]]
    assert table_reference(few) == table_reference(found[[1, 3]])
    assert table_reference(few) != table_reference(found[[1]])
    with few.samp():
        assert desktop.link.table.url.startswith("file://")
        assert list(desktop.table["obsid"]) == [102, 104]


def test_no_hub(found: Candidates, lockfile: object) -> None:
    with pytest.raises(NoHubError):
        found.samp()


def test_two_tables_are_followed_at_once(found: Candidates, desktop: Desktop) -> None:
    with found.samp() as whole, found[:2].samp() as part:
        desktop.link.highlight(1, to="vo-emline")
        assert (whole.highlighted, part.highlighted) == (None, 1)
    assert whole.session is found.client.samp_session()


def test_after_closing_nothing_is_heard(linked: LinkedCandidates, desktop: Desktop) -> None:
    linked.close()
    desktop.link.highlight(1, to="vo-emline")
    assert linked.highlighted is None


def test_closing_the_client_leaves_the_hub(found: Candidates, desktop: Desktop) -> None:
    found.samp()
    before = len(desktop.session.receivers(messages.HIGHLIGHT_ROW))
    found.client.close()
    assert len(desktop.session.receivers(messages.HIGHLIGHT_ROW)) == before - 1
