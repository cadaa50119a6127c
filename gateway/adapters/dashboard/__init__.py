"""The page for people: static files that ask the API as any client does. Nothing is built, nothing comes from outside.

``assets/main.js`` says what stands where; each view is a file of its own. What is not ours lies in ``assets/vendor``.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from gateway.ports.page import PageFile

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def page_files() -> dict[str, PageFile]:
    """Every file of the page by its name below ``/page/``."""
    return dict(_walk(files(__name__) / "assets", ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, PageFile]]:
    found: list[tuple[str, PageFile]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found.extend(_walk(entry, f"{name}/"))
        elif (content_type := _TYPES.get(PurePosixPath(name).suffix)) is not None:
            found.append((name, PageFile(content_type, entry.read_bytes())))
    return found
