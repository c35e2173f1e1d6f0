"""Asynchronous queries against a running service."""

import pytest

from vo_emline.client import Client, TruncatedWarning
from vo_emline.errors import ArchiveError, UserError

LABELS = "SELECT label, COUNT(*) AS n FROM emline.scores GROUP BY label ORDER BY label"


def test_a_job_gives_what_the_query_gives(client: Client) -> None:
    job = client.submit(LABELS)
    found = job.result(timeout=60)
    assert [tuple(row) for row in found] == [tuple(row) for row in client.adql(LABELS)]
    assert job.phase == "COMPLETED"
    assert repr(job) == f"<Job COMPLETED {job.url}>"
    job.delete()


def test_a_job_is_found_again_by_its_address(client: Client) -> None:
    url = client.submit(LABELS).wait(timeout=60).url
    again = client.job(url)
    assert len(again.result()) == 3
    assert again.result().adql == LABELS


def test_a_wrong_query_fails_with_its_reason(client: Client) -> None:
    with pytest.raises(UserError, match=r"(?i)no_such_table"):
        client.submit("SELECT * FROM no_such_table").result(timeout=60)


def test_a_job_can_be_cut_short_too(client: Client) -> None:
    with pytest.warns(TruncatedWarning):
        assert len(client.submit("SELECT * FROM emline.scores").result(timeout=60)) == 3


def test_waiting_has_an_end(client: Client) -> None:
    slow = "SELECT COUNT(*) AS n FROM " + ", ".join(f"emline.scores AS s{number}" for number in range(12))
    job = client.submit(slow)
    with pytest.raises(ArchiveError, match=r"still (QUEUED|EXECUTING) after 0\.3 s") as caught:
        job.wait(timeout=0.3)
    assert caught.value.retry
    job.abort()
    assert job.wait(timeout=30).phase == "ABORTED"
    with pytest.raises(UserError):
        job.result()
    job.delete()
    with pytest.raises(ArchiveError):
        client.job(job.url)
