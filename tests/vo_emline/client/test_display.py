import numpy as np
from astropy.table import MaskedColumn, Table

from vo_emline.client.display import as_html, as_text, headline


def test_headlines() -> None:
    assert headline(1, truncated=False, source="http://s") == "1 row from http://s"
    assert headline(3, truncated=True, source="http://s") == (
        "3 rows (there are more: the service stopped here) from http://s"
    )


def test_nothing_found_is_one_line() -> None:
    assert as_text(Table({"ra": []}), "0 rows") == "0 rows"


def test_other_tables_show_their_first_columns() -> None:
    table = Table({f"column_{number}": [number] for number in range(12)})
    text = as_text(table, "1 row")
    assert "column_7" in text
    assert "column_8" not in text
    assert text.endswith("… and 4 more columns in .table")


def test_long_tables_are_cut_in_the_middle() -> None:
    text = as_text(Table({"n": np.arange(1000)}), "1000 rows")
    assert len(text.splitlines()) < 20
    assert "999" in text


def test_masked_values_in_html() -> None:
    table = Table({"designation": ["a", "b"], "label": ["emission", "x"], "ra": [1.0, 2.0]})
    table["score"] = MaskedColumn([0.5, 0.0], mask=[False, True])
    html = as_html(table, "2 rows")
    assert "<td>0.500</td>" in html
    assert "<td>--</td>" in html
    assert "href" not in html


def test_html_says_how_much_is_left_out() -> None:
    assert as_html(Table({"n": np.arange(20)}), "20 rows", max_rows=12).endswith("<p>… and 8 more rows</p>")
