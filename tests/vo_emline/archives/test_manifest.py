"""The manifest survives whatever happens to the process that writes it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from vo_emline.archives.manifest import MANIFEST, PARTIAL, Entry, Manifest, read_manifest
from vo_emline.errors import UserError

FORM = "FORMAT=application/fits"
CONTENT = b"a spectrum"


def entry(did: str = "ivo://a/s1", file: str = "s1.fits", content: bytes = CONTENT) -> Entry:
    digest = hashlib.sha256(content).hexdigest()
    return Entry(
        publisher_did=did, request=FORM, status="done", file=file, size=len(content), sha256=digest, ra=1.5
    )


def test_what_is_stored_is_there_again(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.store(entry(), CONTENT)
    assert (tmp_path / "s1.fits").read_bytes() == CONTENT
    assert not (tmp_path / PARTIAL).exists()
    with Manifest(tmp_path) as manifest:
        assert manifest.holds("ivo://a/s1", FORM)
        assert not manifest.holds("ivo://a/s1", "FORMAT=text/csv")
        assert not manifest.holds("ivo://a/s2", FORM)
    assert list(read_manifest(tmp_path)) == [entry()]


@pytest.mark.parametrize("damage", [b"", b"a spectre!", b"another"])
def test_a_damaged_file_is_not_there(tmp_path: Path, damage: bytes) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.store(entry(), CONTENT)
        (tmp_path / "s1.fits").write_bytes(damage)
        assert not manifest.holds("ivo://a/s1", FORM)


def test_a_kill_between_entry_and_renaming_loses_nothing(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        (tmp_path / PARTIAL / "s1.fits").write_bytes(CONTENT)
        manifest.note(entry())
    assert not (tmp_path / "s1.fits").exists()
    with Manifest(tmp_path) as manifest:
        assert manifest.holds("ivo://a/s1", FORM)


def test_a_kill_while_writing_leaves_no_half_file(tmp_path: Path) -> None:
    with Manifest(tmp_path):
        (tmp_path / PARTIAL / "s1.fits").write_bytes(CONTENT[:4])
    with Manifest(tmp_path) as manifest:
        assert not manifest.entries
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST]


def test_half_a_line_spoils_neither_the_old_nor_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.store(entry(), CONTENT)
    with (tmp_path / MANIFEST).open("ab") as file:
        file.write(b'{"publisher_did": "ivo://a/s2", "requ')
    with Manifest(tmp_path) as manifest:
        manifest.store(entry("ivo://a/s3", "s3.fits"), CONTENT)
    with Manifest(tmp_path) as manifest:
        assert set(manifest.entries) == {"ivo://a/s1", "ivo://a/s3"}
    assert "half a line" in caplog.text


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(
        '{"publisher_did": "a", "request": "b", "status": "done", "novelty": 1}\n'
    )
    assert [item.publisher_did for item in read_manifest(tmp_path)] == ["a"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Manifest(tmp_path), pytest.raises(UserError, match="another process"):
        Manifest(tmp_path)
    with Manifest(tmp_path):
        pass  # the lock goes with the process that held it


def test_refusals_are_remembered_for_their_form(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.note(Entry(publisher_did="a", request=FORM, status="refused", code="http_404"))
        manifest.note(Entry(publisher_did="b", request=FORM, status="failed", code="timeout"))
        assert manifest.refuses("a", FORM)
        assert not manifest.refuses("a", "FORMAT=text/csv")
        assert not manifest.refuses("b", FORM)
