"""The page at ``/`` and its files. It holds no data of its own: it asks the API, with a key that stays in the tab."""

import hashlib

from aiohttp import web

from gateway.adapters.http.answer import SERVER
from gateway.adapters.http.auth import Caller
from gateway.adapters.http.problem import HttpProblem
from gateway.ports.page import PageFile, PageFiles

#: Only what this server serves may run, style, or be connected to.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Server": SERVER,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageHandlers:
    """Files from memory; a browser that has one already is told so."""

    def __init__(self, files: PageFiles) -> None:
        self._files = {name: (file, _etag(file)) for name, file in files.items()}

    async def index(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return self._file(request, "index.html")

    async def file(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return self._file(request, request.match_info["file"])

    def _file(self, request: web.Request, name: str) -> web.Response:
        found = self._files.get(name)
        if found is None:
            raise HttpProblem("PATH_NOT_FOUND", "the page has no such file")
        file, etag = found
        headers = {**_HEADERS, "ETag": etag}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})


def _etag(file: PageFile) -> str:
    return f'"{hashlib.blake2b(file.body, digest_size=12).hexdigest()}"'
