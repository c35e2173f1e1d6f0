"""The tutorial notebook, run as a newcomer would run it: a service in one process, a kernel in another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[3] / "docs" / "tutorial.ipynb"

pytestmark = [
    # of the machinery of Jupyter, none of it in our hands
    pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq"),
]


def read() -> Any:
    return pytest.importorskip("nbformat").read(NOTEBOOK, as_version=4)


def text_of(cell: Any) -> str:
    """Give what a cell printed and what its last line is worth."""
    parts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
    ]
    return "\n".join(parts)


def outputs_of(notebook: Any, kind: str) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum(kind in output.get("data", {}) for output in outputs)


def test_it_is_kept_without_outputs() -> None:
    cells = [cell for cell in read().cells if cell.cell_type == "code"]
    assert len(cells) > 8
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_runs(service_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("specutils")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("VO_EMLINE_SERVICE", service_url)
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'samp.lock').as_uri()}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = read()

    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()

    said = "\n".join(text_of(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert "2 candidates with a double peak" in said
    assert "2 candidates within 5 arcmin of J063416.35+023030.2" in said
    assert "J063416.35+023030.2 double-peak 3861 pixels" in said
    assert f"{service_url}/candidate/EML-" in said
    assert "no SAMP hub is running" in said
    assert "EW  -16.60" in said
    assert "Warning" not in said
    assert outputs_of(notebook, "image/png") == 2
    assert outputs_of(notebook, "text/html") >= 2
