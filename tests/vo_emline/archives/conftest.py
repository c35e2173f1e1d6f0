"""An archive that answers as Ondřejov does, on the servers of ``serve``."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

SSA_ANSWER = """<?xml version="1.0"?>
<VOTABLE version="1.2" xmlns="http://www.ivoa.net/xml/VOTable/v1.2">
<RESOURCE type="results"><INFO name="QUERY_STATUS" value="{status}"/>
<TABLE>
<FIELD ID="ssa_pubDID" name="ssa_pubDID" datatype="char" arraysize="*" utype="ssa:Curation.PublisherDID"/>
<FIELD ID="ssa_targname" name="ssa_targname" datatype="char" arraysize="*" utype="ssa:Target.Name"/>
<FIELD ID="ssa_location" name="ssa_location" datatype="double" arraysize="2" unit="deg"
  utype="stc:AstroCoords.Position2D.Value2"/>
<FIELD ID="ssa_dateObs" name="ssa_dateObs" datatype="double" unit="d"
  utype="ssa:Char.TimeAxis.Coverage.Location.Value"/>
<FIELD ID="accref" name="accref" datatype="char" arraysize="*" utype="ssa:Access.Reference"/>
<FIELD ID="mime" name="mime" datatype="char" arraysize="*" utype="ssa:Access.Format"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>
{service}
</VOTABLE>"""

DESCRIPTOR = """<RESOURCE type="meta" utype="adhoc:service" ID="proc">
<GROUP name="inputParams">
<PARAM name="ID" ref="ssa_pubDID" datatype="char" arraysize="*" value=""/>
<PARAM name="FLUXCALIB" datatype="char" arraysize="*" value=""><VALUES>
  <OPTION value="UNCALIBRATED"/><OPTION value="normalized"/></VALUES></PARAM>
<PARAM name="BAND" unit="m" datatype="char" arraysize="m" value=""/>
<PARAM name="FORMAT" datatype="char" arraysize="*" value=""><VALUES>
  <OPTION value="application/fits"/></VALUES></PARAM>
</GROUP>
<PARAM name="accessURL" datatype="char" arraysize="*" value="{url}/dlget"/>
<PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/SSDP#sync"/>
</RESOURCE>"""


class FakeArchive:
    """An SSA service with a processing service; `misbehave` says how the latter answers out of order.

    It is called with the identifier and how often it was asked for before, and
    gives a reply, or None for the proper one.
    """

    def __init__(
        self,
        start: Callable[..., Any],
        reply: Any,
        make_fits: Callable[[str], bytes],
        count: int,
        misbehave: Callable[[str, int], Any] | None = None,
        *,
        service: bool = True,
        delay: float = 0.0,
    ) -> None:
        self.dids = [f"ivo://example.test/spectra/s{number:04}" for number in range(count)]
        self.files = {did: make_fits(did) for did in self.dids}
        self.asked: Counter[str] = Counter()
        self.order: list[str] = []
        self._misbehave = misbehave or (lambda did, before: None)
        self._service = service
        self._reply = reply
        self._delay = delay
        self._lock = threading.Lock()
        self.server = start(self.respond)
        self.ssa = f"{self.server.url}/ssa"

    def respond(self, request: Any) -> Any:
        if request.path == "/ssa":
            return self._reply(
                self.answer(int(request.query.get("MAXREC", 10**6))), headers={"Content-Type": "text/xml"}
            )
        did = request.query["ID"]
        with self._lock:
            before = self.asked[did]
            self.asked[did] += 1
            self.order.append(did)
        odd = self._misbehave(did, before)
        if odd is not None:
            return odd
        if did not in self.files:
            return self._reply(b"No such spectrum here", 404)
        return self._reply(self.files[did], headers={"Content-Type": "application/fits"}, delay=self._delay)

    def answer(self, maxrec: int) -> bytes:
        rows = "".join(
            f"<TR><TD>{did}</TD><TD>star {did[-4:]}</TD><TD>{10 + i} {20 + i % 60}</TD><TD>{55000 + i}</TD>"
            f"<TD>{self.server.url}/file?ID={did}</TD><TD>image/fits</TD></TR>"
            for i, did in enumerate(self.dids[:maxrec])
        )
        status = "OVERFLOW" if maxrec < len(self.dids) else "OK"
        service = DESCRIPTOR.format(url=self.server.url) if self._service else ""
        return SSA_ANSWER.format(rows=rows, service=service, status=status).encode()


@pytest.fixture
def fake_archive(
    serve: Callable[..., Any], reply: Any, fits_of: Callable[[str], bytes]
) -> Callable[..., FakeArchive]:
    """Start an archive of so many spectra."""

    def start(count: int, misbehave: Callable[[str, int], Any] | None = None, **options: Any) -> FakeArchive:
        return FakeArchive(serve, reply, fits_of, count, misbehave, **options)

    return start
