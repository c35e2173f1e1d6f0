"""``python -m service PATH``: the same as ``vo-emline serve PATH``."""

from service.cli import serve

if __name__ == "__main__":
    serve()
