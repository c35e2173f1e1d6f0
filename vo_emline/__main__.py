"""``python -m vo_emline`` is ``vo-emline``."""

from vo_emline.cli import main

main()
