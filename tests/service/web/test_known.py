"""What catalogues call a star, on its page, and its place in the colour–magnitude diagram."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import fromstring

import httpx

from service.web.known import diagram


def test_a_star_is_named_and_drawn(served: Any) -> None:
    known = (
        "SELECT TOP 1 e.candidate_id FROM emline.epochs AS e "
        "JOIN emline.known AS k ON k.object_id = e.object_id"
    )
    ((candidate_id,),) = served.rows(known)
    page = httpx.get(f"{served.url}/candidate/{candidate_id}.html").text
    assert "What it is known as" in page
    assert "<td>Gaia DR3</td>" in page
    assert 'class="diagram"' in page
    unknown = (
        "SELECT TOP 1 e.candidate_id FROM emline.epochs AS e JOIN emline.objects AS o "
        "ON o.object_id = e.object_id WHERE o.known_in IS NULL AND o.not_in IS NOT NULL"
    )
    ((other,),) = served.rows(unknown)
    page = httpx.get(f"{served.url}/candidate/{other}.html").text
    assert "Not in Gaia DR3 (2026-12-01); SIMBAD (2026-12-01)." in page
    assert 'class="diagram"' not in page


def test_the_sun_lies_where_it_should() -> None:
    drawn = diagram(0.82, 4.67, 100.0)  # at 10 pc
    assert drawn is not None
    star = fromstring(str(drawn)).find("circle")
    assert star is not None
    assert star.findtext("title") == "BP − RP 0.82, absolute G 4.67"


def test_no_diagram_without_a_distance() -> None:
    assert diagram(0.8, 4.7, None) is None
    assert diagram(0.8, None, 1.0) is None
    assert diagram(None, 4.7, 1.0) is None
    assert diagram(0.8, 4.7, -0.3) is None
    assert diagram(0.8, 4.7, float("nan")) is None
