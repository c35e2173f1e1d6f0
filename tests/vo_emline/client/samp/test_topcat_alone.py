"""The third way, from within TOPCAT: the real program, driven by mouse and keyboard, no Python beside it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vo_emline.client.samp import SampSession

# places are those of TOPCAT 4.8.7 without a window manager
TAP_BUTTON, ACTIVATION_BUTTON = (650, 40), (341, 40)
TAP_URL, USE_SERVICE, QUERY, RUN_QUERY = (449, 726), (699, 755), (418, 675), (424, 798)
VIEW_DATALINK, PLOT_TABLE, INVOKE_TICKED = (100, 200), (100, 407), (244, 99)
NO_REGISTRY_OK = (350, 494)
TAP_WINDOW, NO_REGISTRY = "Table Access Protocol", "Service search error"


@pytest.mark.topcat
@pytest.mark.slow
def test_topcat_finds_candidates_and_plots_their_spectra(
    topcat: SampSession,
    service_url: str,
    requests: Callable[[str], int],
    mouse: Callable[..., None],
    keyboard: Callable[[str, tuple[int, int], str], None],
    xdotool: Callable[..., bool],
    screenshot: Callable[[], Path],
) -> None:
    mouse(TAP_BUTTON, opens=TAP_WINDOW)
    if appears(NO_REGISTRY, xdotool):  # where there is no internet
        mouse(NO_REGISTRY_OK, condition=lambda: not is_open(NO_REGISTRY, xdotool))

    keyboard(TAP_WINDOW, TAP_URL, f"{service_url}/tap")
    mouse(USE_SERVICE, condition=lambda: requests("/tap/capabilities") > 0)
    assert requests("/tap/tables") > 0 or requests("/tap/sync") > 0

    keyboard(TAP_WINDOW, QUERY, "SELECT * FROM emline.candidates ORDER BY score DESC")
    asked = requests("/tap/sync")
    mouse(RUN_QUERY, condition=lambda: requests("/tap/sync") > asked)

    # which column is which, TOPCAT tells by itself: nothing is chosen in the actions but to do them
    assert requests("/spectrum") == 0
    mouse(ACTIVATION_BUTTON, opens="Activation Actions")
    screenshot()
    mouse(PLOT_TABLE, INVOKE_TICKED, opens="Plane Plot .Activated.")
    assert requests("/spectrum") > 0


def is_open(window: str, xdotool: Callable[..., bool]) -> bool:
    return xdotool("search", "--onlyvisible", "--name", window)


def appears(window: str, xdotool: Callable[..., bool]) -> bool:
    """Say whether a window opens within some seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if is_open(window, xdotool):
            return True
        time.sleep(0.3)
    return False
