"""What a server listens with: whether it may, its certificate, and where broken requests are told of."""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

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


def tls_context(settings: ServerSettings, password: Callable[[], str] | None = None) -> ssl.SSLContext | None:
    """``password`` is asked for that of the key; without it, whoever sits at the terminal is."""
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key or None, password)
    return context


def why_no_tls(settings: ServerSettings) -> str:
    """What keeps a server from speaking TLS as it is told to, by key and file; empty when nothing does, or when only
    the password of the key is not known here."""
    for key, file in (("server.tls_cert", settings.tls_cert), ("server.tls_key", settings.tls_key)):
        try:
            if file:
                Path(file).read_bytes()
        except OSError as error:
            return f"{key} {file} cannot be read: {error.strerror or error} (a relative path begins at {Path.cwd()})"
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return ""

    try:
        tls_context(settings, password)
    except (OSError, ssl.SSLError) as error:
        files = f"server.tls_cert {settings.tls_cert} and server.tls_key {settings.tls_key}"
        return "" if asked else f"{files} are no certificate and its private key, both as PEM: {error}"
    return ""


def protocol_log() -> logging.Logger:
    """Where aiohttp reports what it could not read as HTTP. The broken line itself may hold a key: not logged."""
    log = logging.getLogger("gateway.http.protocol")
    log.addFilter(_tells_no_request)
    return log


def _tells_no_request(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return not isinstance(error, HttpProcessingError)
