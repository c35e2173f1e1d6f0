#!/usr/bin/env bash
# Build the wheel and use it as people do who have no checkout: first the core alone, then with what a server needs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip() { "$work/env/bin/pip" --disable-pip-version-check "$@"; }
cd "$root"
.venv/bin/python -m build --wheel --outdir "$work" . >"$work/build.log" || { cat "$work/build.log"; exit 1; }
wheel=("$work"/vo_emline-*.whl)
python3.11 -m venv "$work/env"
cd "$work" # not the checkout, whose packages would be imported instead

pip install --quiet --constraint "$root/constraints.txt" "${wheel[0]}"
env/bin/vo-emline --version
env/bin/python -c "import vo_emline as ve; ve.read, ve.connect, ve.Candidates"

SECONDS=0
pip install --quiet --constraint "$root/constraints.txt" "${wheel[0]}[service]"
echo "wheel $(du -k "${wheel[0]}" | cut -f1) kB; with what a server needs $(du -sm env | cut -f1) MB in $SECONDS s"
env/bin/python - <<'PYTHON'
from importlib.metadata import files
from pathlib import Path

import service.app

names = {str(path) for path in files("vo-emline")}
for needed in ("LICENSE", "vo_emline/default_model/model.json", "service/service.toml", "vo_emline/py.typed"):
    assert any(name.endswith(needed) for name in names), f"the wheel lacks {needed}"
templates = [name for name in names if name.endswith(".html")]
assert templates, "the wheel lacks the templates of the pages"
for needed in ("web/static/style.css", "web/static/vendor/uPlot.js", "web/static/vendor/uPlot.LICENSE.txt"):
    assert f"service/{needed}" in names, f"the wheel lacks {needed}"
PYTHON
env/bin/vo-emline serve --help >/dev/null
