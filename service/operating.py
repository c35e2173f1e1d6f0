"""``vo-emline service``: what an operator asks of a service from outside, and of its log."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import ParseError, fromstring

import click

_FIELD: Final = re.compile(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)')
TIMEOUT_S: Final = 60.0
WAIT_S: Final = 60.0
"""How long a job of the check may take."""
VALIDATORS: Final = "taplint, votlint and datalinklint"
QUERY: Final = "SELECT TOP 1 table_name FROM TAP_SCHEMA.tables"

Said = dict[str, Any]


@click.group()
def service() -> None:
    """Check a running service, and read its log."""


@service.command()
@click.argument("log", type=click.File())
@click.option("-n", "number", type=click.IntRange(1), default=10, help="Queries to show [10].")
def log(log: IO[str], *, number: int) -> None:
    """Say from LOG (a file, or - for standard input) which queries took longest, and what was refused.

    The log is what `vo-emline serve` writes to standard error, in either form. The same query asked again
    counts as one, by its text or digest (setting query_log).
    """
    click.echo(report(read_log(log), number=number))


@service.command()
@click.argument("url")
@click.option("--no-stilts", is_flag=True, help="Leave out its checks, also where STILTS is installed.")
@click.pass_context
def check(context: click.Context, url: str, *, no_stilts: bool) -> None:
    """Ask the service at URL what its users would, and say what its operator should do.

    With STILTS (`stilts` on the path) its taplint is run, too, and votlint and datalinklint on answers. Exit
    code 0 where all is well, else 1.
    """
    failed = 0
    for name, probe, advice in PROBES:
        failed += not _tell(name, probe, url.rstrip("/"), advice)
    if not no_stilts:
        if shutil.which("stilts"):
            failed += not _tell(VALIDATORS, _validate, url.rstrip("/"), "mend what they name")
        else:
            click.echo(f"left out  {VALIDATORS}: STILTS is not installed (Debian: apt install stilts)")
    click.echo("all is well" if not failed else f"{failed} of what was asked does not work")
    context.exit(1 if failed else 0)


def _tell(name: str, probe: Callable[[str], str], url: str, advice: str) -> bool:
    import httpx

    try:
        said = probe(url)
    except (ProbeError, httpx.HTTPError, ParseError, subprocess.SubprocessError) as error:
        click.echo(f"FAILED    {name}: {error}\n          what to do: {advice}")
        return False
    click.echo(f"works     {name}{': ' if said else ''}{said}")
    return True


class ProbeError(Exception):
    """The service does not answer as it should."""


def _get(url: str, *, status: int = 200, **parameters: str) -> Any:
    import httpx

    answer = httpx.get(url, params=parameters or None, timeout=TIMEOUT_S)
    if answer.status_code != status:
        raise ProbeError(f"{urlsplit(url).path} answers {answer.status_code}, not {status}")
    return answer


def _healthy(url: str) -> str:
    import httpx

    answer = httpx.get(f"{url}/healthz", timeout=TIMEOUT_S)
    if answer.status_code != 200:
        raise ProbeError(answer.text.strip()[:200])
    return ""


def _addresses(url: str) -> str:
    """See that the service gives the address by which it was asked."""
    root = fromstring(_get(f"{url}/tap/capabilities").content)  # noqa: S314 - expat expands nothing by itself
    given = {(element.text or "").strip() for element in root.iter() if element.tag.endswith("accessURL")}
    if wrong := sorted(each for each in given if not each.startswith(url)):
        raise ProbeError(f"its links lead to {wrong[0]}")
    return f"{len(given)} addresses"


def _query(url: str) -> str:
    begun = time.perf_counter()
    answer = _get(f"{url}/tap/sync", LANG="ADQL", QUERY=QUERY)
    seconds = time.perf_counter() - begun
    if b'value="OK"' not in answer.content:
        raise ProbeError("the answer to a query is no VOTable that says OK")
    return f"{seconds * 1000:.0f} ms"


def _mistake(url: str) -> str:
    answer = _get(f"{url}/tap/sync", status=400, LANG="ADQL", QUERY="SELECT x FROM nowhere")
    if b'value="ERROR"' not in answer.content:
        raise ProbeError("a mistake is not answered with a VOTable that says ERROR")
    return ""


def _job(url: str) -> str:
    import httpx

    values = {"LANG": "ADQL", "QUERY": QUERY, "PHASE": "RUN"}
    made = httpx.post(f"{url}/tap/async", data=values, timeout=TIMEOUT_S)
    if made.status_code != 303:
        raise ProbeError(f"a new job is answered with {made.status_code}")
    job = made.headers["location"]
    try:
        end = time.monotonic() + WAIT_S
        while (phase := _get(f"{job}/phase").text) != "COMPLETED":
            if phase in ("ERROR", "ABORTED") or time.monotonic() > end:
                raise ProbeError(f"the job is {phase}")
            time.sleep(0.1)
        _get(f"{job}/results/result")
    finally:
        httpx.delete(job, timeout=TIMEOUT_S)
    return ""


def _stream(url: str) -> str:
    """See that a proxy passes on an answer as it comes, and does not collect it first."""
    import httpx

    values = {"LANG": "ADQL", "QUERY": "SELECT * FROM emline.scores", "MAXREC": "100000"}
    begun = time.perf_counter()
    with httpx.stream("GET", f"{url}/tap/sync", params=values, timeout=TIMEOUT_S) as answer:
        first, size = 0.0, 0
        for piece in answer.iter_raw():
            first = first or time.perf_counter() - begun
            size += len(piece)
    total = time.perf_counter() - begun
    if answer.status_code != 200:
        raise ProbeError(f"a long answer ends in {answer.status_code}")
    if total > 2 and first > 0.8 * total:
        raise ProbeError(f"the first byte comes after {first:.1f} of {total:.1f} s")
    return f"{size / 1e6:.1f} MB, the first byte after {first * 1000:.0f} ms"


def _validate(url: str) -> str:
    faults = [line for line in _stilts("taplint", f"tapurl={url}/tap", "report=EF") if is_error(line)]
    answer = _get(f"{url}/tap/sync", LANG="ADQL", QUERY="SELECT TOP 5 * FROM ivoa.obscore")
    with tempfile.NamedTemporaryFile(suffix=".vot") as file:
        Path(file.name).write_bytes(answer.content)
        faults += [line for line in _stilts("votlint", file.name) if line.startswith("ERROR")]
    query = "SELECT TOP 5 obs_publisher_did FROM ivoa.obscore"
    found = _get(f"{url}/tap/sync", LANG="ADQL", QUERY=query, RESPONSEFORMAT="json")
    if rows := found.json()["data"]:
        links = f"{url}/datalink/links?{urlencode([('ID', did) for (did,) in rows])}"
        faults += [line for line in _stilts("datalinklint", f"votable={links}") if is_error(line)]
    if faults:
        raise ProbeError("\n          ".join(faults[:10]))
    return "no errors"


def is_error(line: str) -> bool:
    """Tell whether a line of STILTS says what an operator should mend.

    A table of planned observations (``ivoa.obsplan``) is for observatories only.
    """
    return line.startswith(("E-", "F-")) and not line.startswith("F-LOC-NOTP")


def _stilts(*command: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - a program of the user's, with an address of theirs
        ["stilts", *command],  # noqa: S607 - wherever it is installed
        capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).splitlines()


PROBES: Final[tuple[tuple[str, Callable[[str], str], str], ...]] = (
    ("health", _healthy, "look at the log of the service, and at the disk of its jobs"),
    ("addresses", _addresses, "set public_url to the address that users see"),
    ("a query", _query, "look at the log of the service; is the release there?"),
    ("a mistake in a query", _mistake, "let the proxy pass on answers with status 400 as they are"),
    ("a job", _job, "look at the disk of state_directory; let the proxy pass on DELETE and 303"),
    ("a long answer", _stream, "switch off buffering in the proxy (nginx: proxy_buffering off)"),
)
"""What is asked, how, and what an operator should do where it does not work."""


# The log


@dataclass
class _Query:
    """One query, however often it was asked."""

    text: str
    times: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    rows: int = 0
    size: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def read_log(lines: Iterable[str]) -> Iterator[Said]:
    """Give the lines of a log, in either form, as dictionaries; others are passed over."""
    for line in lines:
        text = line.strip()
        if text.startswith("{"):
            try:
                said = json.loads(text)
            except ValueError:
                continue
            if isinstance(said, dict):
                yield said
        else:
            yield {name: _value(value) for name, value in _FIELD.findall(text)}


def _value(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])


def report(lines: Iterable[Said], *, number: int) -> str:
    """Say which queries took longest altogether, and what was refused how often."""
    queries: dict[str, _Query] = {}
    statuses: Counter[str] = Counter()
    for said in lines:
        if said.get("event") not in ("request", "job"):
            continue
        statuses[str(said.get("status", "job"))] += 1
        if (key := said.get("query_hash")) is None:
            continue
        query = queries.setdefault(str(key), _Query(str(said.get("query", key))))
        seconds = _number(said.get("seconds"))
        query.times += 1
        query.seconds += seconds
        query.longest = max(query.longest, seconds)
        query.rows += int(_number(said.get("rows")))
        query.size += int(_number(said.get("bytes")))
        if refused := said.get("refused"):
            query.refused[str(refused)] += 1
    counted = ", ".join(f"{count} × {status}" for status, count in statuses.most_common())
    told = [f"requests: {counted or 'none'}", f"queries: {len(queries)} different ones", ""]
    told.append(f"{'seconds':>9} {'longest':>8} {'times':>6} {'rows':>9} {'MB':>7}  query")
    for query in sorted(queries.values(), key=lambda one: -one.seconds)[:number]:
        told.append(
            f"{query.seconds:9.2f} {query.longest:8.2f} {query.times:6} {query.rows:9} "
            f"{query.size / 1e6:7.1f}  {_printable(query.text)[:120]}"
        )
        told += [
            f"{'':44}refused {count} times: {_printable(why)[:100]}" for why, count in query.refused.items()
        ]
    return "\n".join(told)


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
