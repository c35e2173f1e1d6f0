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
(cd "$root" && find vo_emline service -type f -not -path '*/__pycache__/*') >tracked
env/bin/python - <<'PYTHON'
from importlib.metadata import files
from pathlib import Path

import service.app

names = {str(path) for path in files("vo-emline")}
assert any(name.endswith("LICENSE") for name in names), "the wheel lacks the licence"
lacking = sorted(set(Path("tracked").read_text().split()) - names)
assert not lacking, f"the wheel lacks {', '.join(lacking)}"
PYTHON
env/bin/vo-emline serve --help >/dev/null
