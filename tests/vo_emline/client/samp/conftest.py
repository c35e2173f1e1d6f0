"""Real SAMP hubs, real applications."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from pyvo.samp import SAMPHubServer

from vo_emline.client.samp import NoHubError, SampSession, running_hub, start_hub, stop_hub


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.1)


@contextmanager
def process(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group for the length of a block."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,
        )
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGTERM)
            running.wait(20)


@pytest.fixture
def until() -> Callable[[Callable[[], bool], float, str], None]:
    """Give :func:`wait_until`."""
    return wait_until


@pytest.fixture
def start_process(tmp_path: Path) -> Callable[[list[str]], AbstractContextManager[subprocess.Popen[bytes]]]:
    """Give a function that runs a command of the virtual environment for the length of a block."""
    folder = Path(sys.executable).parent

    def start(command: list[str]) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return process([str(folder / command[0]), *command[1:]], tmp_path / "process.log")

    return start


def needs(*programs: str) -> None:
    """Skip where a program of the operating system is not there."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs the Debian packages of {', '.join(missing)}")


@pytest.fixture
def stilts() -> None:
    """Skip where STILTS is not there."""
    needs("stilts")


@pytest.fixture
def lockfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the hubs of tests away from those of the machine."""
    path = tmp_path / "samp.lock"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{path}")
    return path


@pytest.fixture
def hub(lockfile: Path) -> Iterator[SAMPHubServer]:
    """A hub of pyvo in this process."""
    server = start_hub()
    yield server
    stop_hub(server)


@pytest.fixture
def jsamp_hub(lockfile: Path, tmp_path: Path) -> Iterator[None]:
    """The hub of JSAMP, in its own process."""
    needs("jsamp")
    with process(["jsamp", "hub", "-mode", "no-gui", "-profiles", "std"], tmp_path / "hub.log"):
        wait_until(hub_answers, 30, "the JSAMP hub")
        yield


def hub_answers() -> bool:
    """Say whether the hub that the environment names answers."""
    try:
        running_hub()
    except NoHubError:
        return False
    return True


@pytest.fixture
def session(hub: SAMPHubServer) -> Iterator[SampSession]:
    """Our client on the hub of pyvo."""
    with SampSession.connect() as connected:
        yield connected


@pytest.fixture
def jsamp_session(jsamp_hub: None) -> Iterator[SampSession]:
    """Our client on the hub of JSAMP."""
    with SampSession.connect() as connected:
        yield connected


def wait_for_client(session: SampSession, name: str) -> None:
    """Wait until an application has registered and said what it accepts."""
    wait_until(lambda: any(one.name == name and one.mtypes for one in session.receivers()), 60, name)


@pytest.fixture
def snooper(jsamp_session: SampSession, tmp_path: Path) -> Iterator[Path]:
    """JSAMP's snooper, subscribed to the spectrum message; gives its log."""
    log = tmp_path / "snooper.log"
    with process(["jsamp", "snooper", "-mtype", "spectrum.load.ssa-generic"], log):
        wait_for_client(jsamp_session, "Snooper")
        yield log


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """An X server without a screen, on a display number of its own choice."""
    needs("Xvfb")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL, start_new_session=True)
    os.close(writing)
    with os.fdopen(reading) as number:
        yield f":{number.readline().strip()}"
    server.terminate()
    server.wait(20)


@pytest.fixture
def topcat(jsamp_session: SampSession, display: str, tmp_path: Path) -> Iterator[SampSession]:
    """TOPCAT, joined to the hub; gives our session beside it."""
    needs("topcat", "import")
    home = tmp_path / "home"
    home.mkdir()
    command = ["topcat", f"-Duser.home={home}", "-Xmx600m", "-nohub", "-samp"]
    with process(command, tmp_path / "topcat.log", DISPLAY=display):
        wait_for_client(jsamp_session, "topcat")
        yield jsamp_session


@pytest.fixture
def screenshot(display: str, tmp_path: Path) -> Callable[[], Path]:
    """Give a function that takes a picture of the display."""

    def shoot() -> Path:
        path = tmp_path / "screen.png"
        subprocess.run(["import", "-window", "root", path], env=os.environ | {"DISPLAY": display}, check=True)
        return path

    return shoot


@pytest.fixture
def xdotool(display: str) -> Callable[..., bool]:
    """Give a function that runs xdotool, and says whether it found or did what it should."""
    needs("xdotool")

    def run(*arguments: object) -> bool:
        command = ["xdotool", *map(str, arguments)]
        done = subprocess.run(
            command, env=os.environ | {"DISPLAY": display}, capture_output=True, check=False
        )
        return done.returncode == 0

    return run


@pytest.fixture
def mouse(xdotool: Callable[..., bool], screenshot: Callable[[], Path]) -> Callable[..., None]:
    """Give a function that clicks at a place, and waits for a window to open or a condition to hold."""

    def is_open(window: str) -> bool:
        return xdotool("search", "--onlyvisible", "--name", window)

    def click(
        *places: tuple[int, int], opens: str | None = None, condition: Callable[[], bool] | None = None
    ) -> None:
        """Click at each place; again and again, since Swing loses clicks on what it has not drawn yet."""

        def done() -> bool:
            for place in places:
                assert xdotool("mousemove", *place, "click", 1)
                time.sleep(0.5)
            return is_open(opens) if opens is not None else condition is None or condition()

        try:
            wait_until(done, 30, f"what clicks at {places} bring about")
        except AssertionError as error:
            error.add_note(f"the screen at that time: {screenshot()}")
            raise

    return click


@pytest.fixture
def keyboard(xdotool: Callable[..., bool]) -> Callable[[str, tuple[int, int], str], None]:
    """Give a function that writes a text into a field of a window, in place of what was there."""

    def write(window: str, place: tuple[int, int], text: str) -> None:
        # without a window manager nobody else gives a window the keyboard
        assert xdotool("search", "--onlyvisible", "--name", window, "windowfocus", "--sync")
        assert xdotool("mousemove", *place, "click", 1)
        time.sleep(0.5)
        assert xdotool("key", "ctrl+a")
        assert xdotool("type", "--delay", 15, text)
        time.sleep(0.5)

    return write
