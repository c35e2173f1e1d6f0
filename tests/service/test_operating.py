"""The files that docs/operating.md tells operators to use."""

from __future__ import annotations

import html
import re
import shutil
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import pyvo

from .conftest import StartService

FOLDER = Path(__file__).parents[2] / "docs" / "operating"
ROOT = FOLDER.parents[1]

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def public_url(
    start_service: StartService, release_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A service below /emline of nginx, with the file of the docs."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    port = free_port()
    url = f"http://localhost:{port}/emline"
    served = start_service(release_file, public_url=url)
    folder = tmp_path_factory.mktemp("nginx")
    location = (FOLDER / "nginx.conf").read_text().replace("http://127.0.0.1:8000", served.url)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, location=location))
    command = ["nginx", "-c", str(configuration), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def test_a_service_works_below_a_path_of_nginx(public_url: str) -> None:
    service = pyvo.dal.TAPService(f"{public_url}/tap")
    rows = service.search("SELECT TOP 3 candidate_id, page_url FROM emline.candidates")
    assert len(rows) == 3
    page = httpx.get(rows[0]["page_url"])
    assert page.status_code == 200
    job = service.submit_job("SELECT COUNT(*) AS n FROM emline.scores")
    assert job.url.startswith(f"{public_url}/tap/async/")
    job.run().wait(timeout=60)
    assert job.fetch_result()["n"][0] == 200
    job.delete()
    assert httpx.get(public_url).headers["location"].endswith("/emline/")


def test_what_pages_refer_to_is_found_below_the_path(public_url: str) -> None:
    home = httpx.get(f"{public_url}/")
    links = re.findall(r'(?:href|src)="([^"#]+)"', home.text)
    ours = [httpx.URL(f"{public_url}/").join(html.unescape(link)) for link in links]
    ours = [link for link in ours if link.host == "localhost"]
    assert ours
    for link in set(ours):
        assert str(link).startswith(f"{public_url}/") or str(link) == public_url, link
        assert httpx.get(link, follow_redirects=True).status_code < 400, link
    for action in re.findall(r'action="([^"]+)"', home.text):
        assert str(httpx.URL(f"{public_url}/").join(action)).startswith(f"{public_url}/")


def test_the_clients_own_word_of_its_address_is_replaced() -> None:
    for name in ("nginx.conf", "apache.conf"):
        text = (FOLDER / name).read_text()
        assert re.search(r"X-Forwarded-For (\$remote_addr|early)", text), name


def test_limits_of_the_proxies_are_above_those_of_the_service() -> None:
    defaults = tomllib.loads((ROOT / "service" / "service.toml").read_text())
    nginx, apache = ((FOLDER / name).read_text() for name in ("nginx.conf", "apache.conf"))
    body = [
        int(re.findall(r"client_max_body_size (\d+)m", nginx)[0]) * 10**6,
        int(re.findall(r"LimitRequestBody (\d+)", apache)[0]),
    ]
    seconds = [
        int(re.findall(r"proxy_read_timeout (\d+)s", nginx)[0]),
        int(re.findall(r"ProxyTimeout (\d+)", apache)[0]),
    ]
    assert min(body) > defaults["upload_bytes"]
    assert min(seconds) > defaults["sync_seconds"]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    program = shutil.which("true")
    text = (FOLDER / "vo-emline.service").read_text().replace("/opt/vo-emline/bin/vo-emline", str(program))
    unit = tmp_path / "vo-emline.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_unit_names_the_page_tells_to_make() -> None:
    unit = (FOLDER / "vo-emline.service").read_text()
    started = re.search(r"^ExecStart=(\S+) serve (\S+) --config (\S+)$", unit, re.MULTILINE)
    assert started
    page = (FOLDER.parent / "operating.md").read_text()
    for path in started.groups():
        assert re.search(rf"{re.escape(path)}( |$)", page, re.MULTILINE), path


def test_the_container_is_made_of_what_is_there() -> None:
    text = (FOLDER / "Containerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "service" in extras
    assert "'.[service]'" in text
    assert (ROOT / "constraints.txt").is_file()
    names = re.findall(r"VO_EMLINE_SERVICE_([A-Z_]+)=", text)
    known = (ROOT / "service" / "service.toml").read_text()
    assert all(re.search(rf"^#? ?{name.lower()} = ", known, re.MULTILINE) for name in names)
