import numpy as np

from vo_emline.client.drawing import draw_text as draw


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
