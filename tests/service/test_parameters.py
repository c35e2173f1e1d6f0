"""Parameters of requests, and that no file beside them stays open."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from service.parameters import open_parameters, read_parameters
from vo_emline.errors import UserError

SPILLED = b"x" * 1_100_000
"""More than Starlette keeps of a file in memory."""


def request(**body: Any) -> Request:
    """A POST with a body as httpx sends it."""
    sent = httpx.Request("POST", "http://localhost/?a=1", **body)
    content = sent.read()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"a=1",
        "headers": [(name.lower(), value) for name, value in sent.headers.raw],
    }
    return Request(scope, receive)


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """Fail where a file of a form was left to the garbage collector."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert not [str(item.message) for item in caught if "SpooledTemporaryFile" in str(item.message)]


def test_names_in_any_case_from_address_and_body() -> None:
    found = asyncio.run(read_parameters(request(data={"A": "2", "b": " "})))
    assert found.all("a") == ["1", "2"]
    assert "B" not in found
    with pytest.raises(UserError, match="A is given 2 times"):
        found.one("A")


@pytest.mark.parametrize("content", [b"", b"small", SPILLED])
def test_files_are_there_for_the_length_of_the_block(content: bytes) -> None:
    async def read() -> tuple[bytes, bool]:
        async with open_parameters(request(data={"b": "2"}, files={"part": content})) as parameters:
            assert parameters.one("b") == "2"
            file = parameters.files["part"]
            return await file.read(), file.file.closed

    assert asyncio.run(read()) == (content, False)


def test_of_parts_with_one_name_the_last_counts_and_all_are_closed() -> None:
    async def read() -> bytes:
        files = [("part", ("a", SPILLED)), ("part", ("b", b"last"))]
        async with open_parameters(request(files=files)) as parameters:
            return await parameters.files["part"].read()

    assert asyncio.run(read()) == b"last"


def test_files_are_closed_where_none_is_wanted() -> None:
    assert asyncio.run(read_parameters(request(data={"b": "2"}, files={"part": SPILLED}))).files == {}


def test_files_are_closed_when_the_handler_fails() -> None:
    async def fail() -> None:
        async with open_parameters(request(files={"part": SPILLED})):
            raise UserError("on purpose")

    with pytest.raises(UserError, match="on purpose"):
        asyncio.run(fail())


def test_other_bodies_are_refused() -> None:
    with pytest.raises(UserError, match=r"a POST of application/json carries no parameters"):
        asyncio.run(read_parameters(request(json={})))
