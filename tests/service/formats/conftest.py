"""A result with everything that is hard to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from service.formats import Result
from vo_emline.errors import UserError
from vo_emline.tables import Column

HARD = {
    "name": ["plain", None, "", 'comma, "quote" <&> \t line\r\nend', "ctrl \x01 nul"],
    "text": ["čeština λ", None, "", "astral 𝛼", "]]>"],
    "flag": [True, None, False, True, False],
    "small": [1, None, -32768 + 1, 32767, 0],
    "medium": [1, None, -(2**31) + 1, 2**31 - 1, 0],
    "big": [1, None, -(2**63) + 1, 2**63 - 1, 0],
    "single": [1.5, None, float("nan"), float("inf"), float("-inf")],
    "exact": [0.1, None, float("nan"), 1e-300, -1.7976931348623157e308],
    "pair": [[1.0, 2.0], [3.0, None], None, [5.0, 6.0], [7.0, 8.0]],
    "list": [[1], None, [], [1, 2, 3], [-4]],
}
COLUMNS = (
    Column(
        name="name", datatype="char", arraysize="*", ucd="meta.id;meta.main", description="A <name> & more"
    ),
    Column(name="text", datatype="unicodeChar", arraysize="*", description="Any text"),
    Column(name="flag", datatype="boolean", description=""),
    Column(name="small", datatype="short", description=""),
    Column(name="medium", datatype="int", description=""),
    Column(name="big", datatype="long", description=""),
    Column(name="single", datatype="float", unit="km/s", description=""),
    Column(name="exact", datatype="double", unit="deg", ucd="pos.eq.ra", description=""),
    Column(name="pair", datatype="double", arraysize="2", description=""),
    Column(name="list", datatype="int", arraysize="*", description=""),
)
SCHEMA = pa.schema(
    [
        ("name", pa.string()), ("text", pa.string()), ("flag", pa.bool_()), ("small", pa.int16()),
        ("medium", pa.int32()), ("big", pa.int64()), ("single", pa.float32()), ("exact", pa.float64()),
        ("pair", pa.list_(pa.float64())), ("list", pa.list_(pa.int32())),
    ]
)  # fmt: skip

MakeResult = Callable[..., Result]
FAILURE = UserError("the query ran into the time limit")


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    """Give the hard result, in batches of any size, optionally failing after some batches."""

    def make(
        *,
        rows_per_batch: int = 2,
        limit: int = 100,
        fail_after: int | None = None,
        failure: Exception = FAILURE,
    ) -> Result:
        table = pa.table(HARD, schema=SCHEMA)

        def batches() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(table.to_batches(max_chunksize=rows_per_batch)):
                if number == fail_after:
                    raise failure
                yield batch

        return Result(
            columns=COLUMNS, batches=batches(), limit=limit, infos={"QUERY": "SELECT <this> & that"}
        )

    return make
