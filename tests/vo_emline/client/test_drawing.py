import numpy as np
from astropy.table import MaskedColumn, Table

from vo_emline.client.drawing import draw_text as draw
from vo_emline.client.drawing import variability
from vo_emline.net.rows import Rows


def test_a_peak_is_high_where_it_is() -> None:
    x = np.linspace(6500, 6630, 400)
    y = 1 + 3 * np.exp(-0.5 * ((x - 6564.6) / 3) ** 2)
    lines = draw(x, y, width=40, height=10, mark=6564.6).splitlines()
    assert len(lines) == 12
    top = lines[0][11:]
    assert [place for place, dots in enumerate(top) if dots != "\u2800"] == [19, 20]
    assert lines[10][11:].index("┴") == 19
    assert lines[0].split("┤")[0].strip() == "4"
    assert lines[9].split("┤")[0].strip() == "1"
    assert lines[11].split() == ["6500", "6565", "6630"]


def test_gaps_stay_gaps() -> None:
    y = np.ones(100)
    y[40:60] = np.nan
    y[0] = 2.0
    rows = draw(np.arange(100.0), y, width=50, height=4).splitlines()[:4]
    assert all(row[11 + 22 : 11 + 28] == "\u2800" * 6 for row in rows)
    assert rows[3][11 + 5] != "\u2800"


def test_a_flat_line_and_nothing() -> None:
    flat = draw(np.arange(10.0), np.full(10, 5.0), width=10, height=3).splitlines()
    assert len({*flat[0][11:]}) == 1
    assert draw(np.arange(10.0), np.full(10, np.nan)) == "(no data)"


def test_what_was_measured_is_drawn_against_time() -> None:
    rows = Rows.from_astropy(
        Table(
            {
                "epoch_mjd": [55000.0, 56000.0, 57000.0],
                "ew": [2.0, -10.0, -12.0],
                "ew_error": [0.3, 0.4, 0.5],
                "vr_ratio": MaskedColumn([0.0, 0.9, 1.1], mask=[True, False, False]),
                "vr_ratio_error": MaskedColumn([0.0, 0.1, 0.1], mask=[True, False, False]),
                "label": ["absorption", "double-peak", "double-peak"],
                "survey": ["LAMOST LRS", "LAMOST LRS", "Ondrejov CCD700"],
            }
        )
    )
    figure = variability(rows)
    equivalent_width, ratio = figure.axes
    assert [len(panel.containers) for panel in figure.axes] == [3, 2]
    assert equivalent_width.yaxis_inverted()
    assert ratio.get_xlabel() == "MJD (UTC)"
    names = [text.get_text() for text in equivalent_width.get_legend().get_texts()]
    assert names == ["LAMOST LRS, absorption", "LAMOST LRS, double-peak", "Ondrejov CCD700, double-peak"]


def test_a_star_of_which_nothing_was_measured_is_drawn_empty() -> None:
    figure = variability(Rows.from_astropy(Table({"epoch_mjd": [55000.0], "label": ["absorption"]})))
    assert [text.get_text() for text in figure.axes[0].texts] == ["nothing was measured"]
