"""Spectra that are chosen: all of them in one archive, or as addresses; what is missing is told."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import httpx
from astropy.table import Table

from service.products.entries import find_entries
from service.web.basket import MOST, member


def some(served: Any, number: int) -> list[list[Any]]:
    """Give identifier and DID of spectra whose files are there."""
    rows = served.rows("SELECT candidate_id, obs_publisher_did FROM emline.scores ORDER BY candidate_id")
    with served.services.store.lease() as release:
        entries = find_entries(release, [row[1] for row in rows])
    return [row for row in rows if row[1] in entries and entries[row[1]].present][:number]


def test_an_archive_holds_what_is_chosen(served: Any) -> None:
    rows = some(served, 3)
    answer = httpx.get(f"{served.url}/spectra.tar", params=[("id", row[0]) for row in rows], timeout=60)
    assert answer.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert sorted(tar.getnames()) == sorted(f"{row[0]}.fits" for row in rows)
        for name, did in rows:
            content = tar.extractfile(f"{name}.fits")
            assert content is not None
            alone = httpx.get(f"{served.url}/spectrum", params={"ID": did, "FORMAT": "application/fits"})
            assert len(Table.read(content, hdu=1)) == len(Table.read(io.BytesIO(alone.content), hdu=1)) > 0


def test_a_list_for_wget_has_an_address_for_each(served: Any) -> None:
    rows = some(served, 2)
    answer = httpx.get(f"{served.url}/spectra.txt", params=[("id", row[0]) for row in rows])
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert {httpx.get(line).headers["content-type"] for line in lines} == {"application/fits"}
    whole = httpx.get(f"{served.url}/spectra.txt?label=double-peak").text.splitlines()
    ((n,),) = served.rows("SELECT COUNT(*) FROM emline.candidates WHERE label = 'double-peak'")
    assert len(whole) == n


def test_nothing_and_too_much_are_refused(served: Any) -> None:
    for query in ("id=EML-0000000000000000", f"{'&'.join(f'id=x{n}' for n in range(9))}", "label=nonsense"):
        assert httpx.get(f"{served.url}/spectra.tar?{query}").status_code == 400
    many = [("id", row[0]) for row in served.rows("SELECT candidate_id FROM emline.scores")]
    answer = httpx.get(f"{served.url}/spectra.txt", params=many, timeout=60)
    assert answer.status_code == (400 if len(many) > MOST else 200)


def test_members_are_whole_blocks() -> None:
    for size in (0, 1, 511, 512, 513):
        assert len(member("a.fits", b"x" * size)) % 512 == 0
