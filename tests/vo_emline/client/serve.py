"""Serves a release on a free port: a program of its own, run by the fixtures.

``python serve.py RELEASE`` prints the address when it listens, and logs its
requests on standard error. Limits are so low that they are met: three rows
unless a client asks for more, 100 at most.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn

from service.app import create_app
from service.config import Settings

listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
settings = Settings(public_url=url, rows_default=3, rows_hard=100, threads=1, memory="500MB")
application = create_app(Path(sys.argv[1]), settings)
sys.stdout.write(f"{url}\n")
sys.stdout.flush()
uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listener])
