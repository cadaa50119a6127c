"""The files of the page for people, as the server hands them out."""

from collections.abc import Mapping

import msgspec


class PageFile(msgspec.Struct, frozen=True):
    content_type: str
    body: bytes


#: By name, ``index.html`` among them.
PageFiles = Mapping[str, PageFile]
