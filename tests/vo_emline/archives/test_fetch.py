"""From an archive to a folder, over real HTTP, through every kind of trouble."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from vo_emline.archives import (
    FetchOptions,
    Politeness,
    SpectrumRequest,
    SsaQuery,
    fetch_records,
    fetch_spectra,
    report_folder,
)
from vo_emline.archives.download import file_stem
from vo_emline.archives.records import ArchiveRecord
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.content import check_fits

QUICK = Politeness(backoff=0.01, timeout=0.5, attempts=4)
NORMALIZED = SpectrumRequest(calibration="normalized", cutout=(6500.0, 6750.0))
OPTIONS = FetchOptions(request=NORMALIZED, politeness=QUICK)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_query_fills_the_folder(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(12)
    report = fetch_spectra(archive.ssa, SsaQuery(maxrec=1000), tmp_path, options=OPTIONS)
    assert (report.wanted, report.present, report.fetched, report.missing) == (12, 0, 12, ())
    assert report.complete
    rows = table(tmp_path / "index.csv")
    assert [row["file"] for row in rows] == [f"s{i:04}.fits" for i in range(12)]
    assert rows[3] | {"size": "", "sha256": ""} == {
        "publisher_did": "ivo://example.test/spectra/s0003",
        "file": "s0003.fits",
        "object": "star 0003",
        "ra": "13.0",
        "dec": "23.0",
        "epoch_mjd": "55003.0",
        "size": "",
        "sha256": "",
    }
    for did, content in archive.files.items():
        assert (tmp_path / f"{did[-5:]}.fits").read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} - {row["file"] for row in rows} == {
        "index.csv",
        "manifest.jsonl",
    }


def test_the_manifest_says_whence_and_when(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(1)
    fetch_spectra(archive.ssa, SsaQuery(maxrec=5), tmp_path, options=OPTIONS)
    (line,) = (tmp_path / "manifest.jsonl").read_text().splitlines()
    said = json.loads(line)
    assert said["service"] == "Recorded/1.0"
    assert said["date"].endswith("+00:00")
    assert "FLUXCALIB=normalized&BAND=6.5e-07%206.75e-07&FORMAT=application%2Ffits" in said["url"]


def test_what_is_there_is_not_asked_for_again(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(8)
    fetch_spectra(archive.ssa, archive.dids[:5], tmp_path, options=OPTIONS)
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    assert (report.present, report.fetched) == (5, 3)
    assert set(archive.asked.values()) == {1}


def test_another_form_is_another_file(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(2)
    fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=FetchOptions(politeness=QUICK))
    assert report.fetched == 2


def test_a_damaged_file_is_fetched_again(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(3)
    fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    (tmp_path / "s0001.fits").write_bytes(b"rubbish")
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    assert report.fetched == 1
    assert (tmp_path / "s0001.fits").read_bytes() == archive.files[archive.dids[1]]


def test_every_trouble_ends_well_or_with_its_reason(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    def misbehave(did: str, before: int) -> Any:
        number = int(did[-4:])
        once = {
            0: reply(b"busy", 503),
            1: reply(b"slow down", 429, {"Retry-After": "0"}),
            2: reply(archive.files[did], delay=0.9),
            3: reply(archive.files[did], cut=3000),
            4: reply(archive.files[did][:2880]),
            5: reply(archive.files[did], headers={"Content-MD5": "AAAA"}),
        }
        always = {
            6: reply(b"gone", 404),
            7: reply(b"<html><body>Please log in</body></html>"),
            8: reply(status=204),
            9: reply(b"broken", 500),
        }
        return always.get(number) or (once.get(number) if before == 0 else None)

    archive = fake_archive(12, misbehave)
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    reasons = {reject.source[-5:]: reject.code for reject in report.missing}
    # half a FITS file that HTTP takes for whole (s0004) is found out and asked for again
    assert reasons == {
        "s0006": "http_404",
        "s0007": "not_fits",
        "s0008": "no_data",
        "s0009": "http_500",
    }
    assert (report.fetched, report.retryable) == (8, 1)
    assert not report.complete
    asked = {did[-5:]: count for did, count in archive.asked.items()}
    assert asked["s0006"] == asked["s0007"] == asked["s0008"] == 1
    assert asked["s0009"] == QUICK.attempts
    assert {row["publisher_did"][-5:]: row["code"] for row in table(tmp_path / "missing.csv")} == reasons

    again = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    assert (again.present, again.fetched) == (8, 0)
    assert archive.asked[archive.dids[6]] == 1  # a refusal is final
    assert "not asked again" in {reject.code: reject.message for reject in again.missing}["http_404"]

    insisting = FetchOptions(request=NORMALIZED, politeness=QUICK, again=True)
    fetch_spectra(archive.ssa, archive.dids, tmp_path, options=insisting)
    assert archive.asked[archive.dids[6]] == 2


def test_all_visible_files_are_whole(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(6, lambda did, before: reply(archive.files[did], cut=4000) if before < 2 else None)
    fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    for path in tmp_path.glob("*.fits"):
        check_fits(path.read_bytes())


def test_an_archive_that_goes_down_is_left_alone(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(100, lambda did, before: reply(b"", 500) if int(did[-4:]) >= 20 else None)
    politeness = Politeness(backoff=0.001, attempts=2, patience=5, concurrency=1)
    options = FetchOptions(politeness=politeness)
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=options)
    assert report.fetched == 20
    assert "in a row failed" in report.halted
    assert report.retryable == 80
    assert len(archive.asked) < 30


def test_a_wrong_token_is_noticed_at_once(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(100, lambda did, before: reply(b"who are you?", 403))
    options = FetchOptions(politeness=Politeness(patience=5, concurrency=2))
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=options)
    assert "HTTP 403 Forbidden: who are you?" in report.halted
    assert len(archive.order) < 15
    assert not report.complete  # all of it may come with another token


def test_embargoed_spectra_do_not_stop_the_others(fake_archive: Any, reply: Any, tmp_path: Path) -> None:
    archive = fake_archive(40, lambda did, before: reply(b"embargo", 403) if int(did[-4:]) % 20 else None)
    options = FetchOptions(politeness=Politeness(patience=5, concurrency=1))
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=options)
    assert (report.fetched, len(report.missing), report.halted) == (2, 38, "")


def test_threads_that_die_do_not_hang_the_program(
    fake_archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vo_emline.net.session import Session

    def broken(self: Any, url: str, **options: Any) -> None:
        raise ZeroDivisionError

    archive = fake_archive(3)
    monkeypatch.setattr(Session, "ask", broken)
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    with pytest.raises(RuntimeError, match="threads died"):
        fetch_spectra(archive.ssa, archive.dids, tmp_path)


def test_a_time_budget_ends_the_work(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(50, delay=0.1)
    options = FetchOptions(politeness=Politeness(concurrency=2, budget=0.6))
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=options)
    assert 2 <= report.fetched < 50
    assert "time budget" in report.halted
    assert report.retryable == 50 - report.fetched
    rest = fetch_spectra(archive.ssa, archive.dids, tmp_path)
    assert rest.present == report.fetched
    assert rest.complete


def test_an_interruption_keeps_what_has_come(
    fake_archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = fake_archive(30)
    from vo_emline.archives.download import _Ledger

    enter = _Ledger.enter
    seen = []

    def interrupted(self: Any, job: Any, outcome: Any) -> None:
        enter(self, job, outcome)
        seen.append(outcome)
        if len(seen) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Ledger, "enter", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    monkeypatch.undo()
    kept = len(table(tmp_path / "index.csv"))
    assert kept >= 7
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=OPTIONS)
    assert (report.present, report.fetched) == (kept, 30 - kept)


def test_offline_asks_nobody(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(4)
    fetch_spectra(archive.ssa, archive.dids[:3], tmp_path, options=OPTIONS)
    before = len(archive.server.requests)
    options = FetchOptions(offline=True)
    report = fetch_spectra(archive.ssa, archive.dids, tmp_path, options=options)
    assert (report.present, [reject.code for reject in report.missing]) == (3, ["offline"])
    assert fetch_spectra(archive.ssa, SsaQuery(maxrec=9), tmp_path, options=options).present == 3
    assert report_folder(tmp_path).complete
    assert not report_folder(tmp_path, archive.dids).complete
    assert len(archive.server.requests) == before


def test_without_a_processing_service_the_archives_own_files_come(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(3, service=False)
    report = fetch_spectra(archive.ssa, SsaQuery(maxrec=10), tmp_path)
    assert report.fetched == 3
    with pytest.raises(UserError, match="no processing service"):
        fetch_spectra(archive.ssa, SsaQuery(maxrec=10), tmp_path / "b", options=OPTIONS)


def test_a_cut_list_is_told(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(5)
    report = fetch_spectra(archive.ssa, SsaQuery(maxrec=2), tmp_path)
    assert report.truncated
    assert "cut its list" in report.summary()


def test_an_unknown_identifier_is_asked_for_all_the_same(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(2)
    report = fetch_spectra(archive.ssa, ["ivo://elsewhere/s0009", *archive.dids], tmp_path, options=OPTIONS)
    assert [reject.code for reject in report.missing] == ["http_404"]
    assert report.fetched == 2


def test_an_archive_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no answer") as caught:
        fetch_spectra("http://127.0.0.1:9/ssa", SsaQuery(target="x"), tmp_path, options=OPTIONS)
    assert caught.value.retry
    assert caught.value.exit_code == 3


def test_a_spectrum_without_address_is_a_reason_not_an_error(fake_archive: Any, tmp_path: Path) -> None:
    archive = fake_archive(2, service=False)
    report = fetch_spectra(archive.ssa, ["ivo://elsewhere/s0009", *archive.dids], tmp_path)
    assert [(reject.source, reject.code) for reject in report.missing] == [
        ("ivo://elsewhere/s0009", "no_address")
    ]
    assert (report.wanted, report.fetched, report.complete) == (3, 2, True)


def test_two_spectra_of_one_name_do_not_meet(serve: Any, reply: Any, fits_of: Any, tmp_path: Path) -> None:
    server = serve(lambda request: reply(fits_of(request.path)))
    dids = ["ivo://a/dr1/spec-1.fits", "ivo://a/dr2/spec-1.fits", "ivo://a/dr2/SPEC-1.fits"]
    records = [ArchiveRecord(publisher_did=did, access_url=f"{server.url}/{i}") for i, did in enumerate(dids)]
    assert fetch_records(records, tmp_path).fetched == 3
    names = {row["publisher_did"]: row["file"] for row in table(tmp_path / "index.csv")}
    assert names[dids[0]] == "spec-1.fits"
    assert len({name.lower() for name in names.values()}) == 3  # also where case does not count
    assert fetch_records(records[::-1], tmp_path).present == 3


@pytest.mark.parametrize(
    ("did", "stem"),
    [
        ("ivo://asu.cas.cz/stel/ccd700/tg160037", "tg160037"),
        (
            "ivo://x-local.test/~?lamost/data/dr1/spec-55903-B90306_sp06-163.fits",
            "spec-55903-B90306_sp06-163",
        ),
        ("ivo://a/..%2F..%2Fetc%2Fpasswd", "_.._etc_passwd"),
        ("ivo://a/b c*d.fits.gz", "b_c_d"),
    ],
)
def test_file_names(did: str, stem: str) -> None:
    assert file_stem(did) == stem
