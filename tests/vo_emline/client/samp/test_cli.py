"""The samp commands, each as a user runs them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from astropy.io.votable import parse_single_table
from click.testing import CliRunner, Result

from vo_emline.cli.samp import samp
from vo_emline.client.samp import LinkedTable, NoHubError, SampSession, TableReference, messages, running_hub
from vo_emline.errors import EmlineError, UserError

Run = Callable[..., Result]


class Desktop:
    """A program that keeps what it is sent, and links to tables."""

    def __init__(self, session: SampSession) -> None:
        self.session = session
        self.loaded = threading.Event()
        self.spectra: list[dict[str, str]] = []
        session.listen({messages.TABLE_LOAD: self.load})
        session.listen({messages.SPECTRUM_LOAD: lambda _sender, params: self.spectra.append(params)})

    def load(self, _sender: str, params: dict[str, str]) -> None:
        self.link = LinkedTable(
            self.session, TableReference(params["url"], params["table-id"], params["name"])
        )
        self.loaded.set()


@pytest.fixture
def desktop(session: SampSession) -> Iterator[Desktop]:
    with SampSession.connect(name="desktop") as connected:
        yield Desktop(connected)


@pytest.fixture
def run(service_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(samp, [str(one) for one in arguments], catch_exceptions=False)

    return invoke


def test_clients(run: Run, desktop: Desktop) -> None:
    lines = run("clients").stdout.splitlines()
    assert any(line.startswith("desktop\ttables, spectra\t") for line in lines)


def test_without_a_hub(run: Run, lockfile: Path) -> None:
    with pytest.raises(NoHubError):
        run("clients")


def test_send_the_rows_of_a_search(run: Run, desktop: Desktop) -> None:
    assert run("send", "table", "--label", "double-peak", "--to", "desk").stdout == "desktop: ok\n"
    table = parse_single_table(desktop.link.table.url).to_table()
    assert list(table["obsid"]) == [101, 103]


@pytest.mark.parametrize("suffix", [".vot", ".csv", ".ecsv"])
def test_send_a_file(run: Run, desktop: Desktop, client, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    client.search(limit="all").write(path)
    assert run("send", "table", path).stdout == "desktop: ok\n"
    assert list(parse_single_table(desktop.link.table.url).to_table()["obsid"]) == [101, 102, 103, 104]


@pytest.mark.filterwarnings("ignore:The unit 'Angstrom' has been deprecated")  # VOUnits 1.1; astropy >= 8
def test_send_spectra_of_every_kind(run: Run, desktop: Desktop, client, stars: list[Path]) -> None:
    url = str(client.find("102")["access_url"])
    result = run("send", "spectrum", "101", url, stars[2])
    assert result.stdout == "desktop: ok\n" * 3
    assert [one["name"] for one in desktop.spectra][0::2] == ["J063416.35+023030.2", "J052000.00-052328.0"]
    local = parse_single_table(desktop.spectra[2]["url"]).to_table()
    assert local.colnames[:2] == ["wavelength", "flux"]


def test_send_to_somebody_who_is_not_there(run: Run, desktop: Desktop) -> None:
    with pytest.raises(UserError, match="no application called 'splat' is on the SAMP hub; present: desktop"):
        run("send", "spectrum", "101", "--to", "splat")


@contextmanager
def acting(desktop: Desktop, *, row: int, selection: Sequence[int] = ()) -> Iterator[None]:
    """Highlight and select again and again, as a person does until something happens.

    A message that comes before the listener is ready is lost, as it is with any application.
    """
    finished = threading.Event()

    def act() -> None:
        desktop.loaded.wait(30)
        for _ in range(30):
            with suppress(EmlineError):  # the listener may be gone already
                desktop.link.highlight(row, to="vo-emline")
                if selection:
                    desktop.link.select(selection, to="vo-emline")
            if finished.wait(2):
                return

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join(30)


def test_listening_shows_rows_and_saves_selections(run: Run, desktop: Desktop, tmp_path: Path) -> None:
    with acting(desktop, row=0, selection=[1, 2]):
        result = run("listen", "--all", "--save", tmp_path / "chosen.csv", "--events", 2)
    assert "J063416.35+023030.2  LAMOST LRS" in result.stdout
    assert "┴ marks Hα" in result.stdout
    assert "2 rows from" in result.stdout
    assert len((tmp_path / "chosen.csv").read_text().splitlines()) == 3


def test_listening_forwards_spectra_or_writes_pictures(run: Run, desktop: Desktop, tmp_path: Path) -> None:
    for option, value in {"--forward": "desktop", "--png": tmp_path}.items():
        desktop.loaded.clear()
        with acting(desktop, row=2):
            assert run("listen", "--all", option, value, "--events", 1).exit_code == 0
    assert [one["name"] for one in desktop.spectra] == ["J052000.00-052328.0"]
    assert len(list(tmp_path.glob("EML-*.png"))) == 1


def test_a_hub_of_our_own(run: Run, lockfile: Path, start_process, until) -> None:
    with start_process(["vo-emline", "samp", "hub"]) as hub:
        until(lambda: lockfile.exists() and running_hub() is not None, 20, "our hub")
        hub.send_signal(2)
        assert hub.wait(15) == 0
    assert not lockfile.exists()
