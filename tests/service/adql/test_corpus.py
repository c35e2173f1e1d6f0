"""The IVOA's own collection of queries (read where it lies, never copied)."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from service.adql import AdqlError, check_query


def test_every_verdict_is_right(shared_data: Path) -> None:
    wrong = []
    count = 0
    for file in sorted((shared_data / "adql" / "ivoa").glob("*.xml")):
        for element in ET.parse(file).getroot().iter("adql"):
            query, valid = element.text or "", element.get("valid") == "true"
            count += 1
            try:
                check_query(query, tables=None)
            except AdqlError as error:
                if valid:
                    wrong.append((file.name, query, str(error)))
            else:
                if not valid:
                    wrong.append((file.name, query, "accepted"))
    assert count > 100
    assert not wrong


@pytest.mark.parametrize("query", ["SELECT * FROM t LIMIT 10", "SELECT * FROM t FETCH FIRST 5 ROWS ONLY"])
def test_the_commonest_mistake_gets_the_right_advice(query: str) -> None:
    with pytest.raises(AdqlError, match="use SELECT TOP n"):
        check_query(query, tables=None)
