"""What a server listens with: whether it may, its certificate, and where broken requests are told of."""

import logging
import ssl

from aiohttp.http_exceptions import HttpProcessingError

from gateway.adapters.http.auth import is_loopback
from gateway.domain.settings import ServerSettings


def why_not_there(settings: ServerSettings, *, has_keys: bool) -> str:
    """Why the server may not listen at its host, empty when it may: anybody could reach one that asks nobody for a
    key."""
    if has_keys or settings.host == "localhost" or is_loopback(settings.host):
        return ""
    return (
        f"server.host is {settings.host}, but no API key is configured: without keys the server listens "
        "on 127.0.0.1 only. Add a principal to principals.yaml, or set server.host to 127.0.0.1."
    )


def tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
    return context


def protocol_log() -> logging.Logger:
    """Where aiohttp reports what it could not read as HTTP. The broken line itself may hold a key: not logged."""
    log = logging.getLogger("gateway.http.protocol")
    log.addFilter(_tells_no_request)
    return log


def _tells_no_request(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return not isinstance(error, HttpProcessingError)
