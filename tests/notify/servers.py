"""Servers that speak as the services do: HTTP for the chats, SMTP for mail. Real sockets on this machine."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web


class Posted(NamedTuple):
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


class HttpService:
    """Answers 200, or what ``script`` says next: a status, or a status and a Retry-After. Remembers what came."""

    def __init__(self) -> None:
        self.posts: list[Posted] = []
        self.script: list[int | tuple[int, str]] = []
        self.came = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.posts.append(Posted(request.path, body, dict(request.headers)))
        self.came.set()
        word = self.script.pop(0) if self.script else 200
        status, after = word if isinstance(word, tuple) else (word, "")
        headers = {"Retry-After": after} if after else {}
        if status in (301, 302):
            headers["Location"] = self.url + "/elsewhere"
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def http_service() -> AsyncIterator[HttpService]:
    service = HttpService()
    app = web.Application()
    app.router.add_post("/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


class SmtpService:
    """As much of RFC 5321 as a client needs: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, QUIT."""

    def __init__(self, tls: ssl.SSLContext | None, account: tuple[str, str] | None) -> None:
        self._tls = tls
        self._account = account
        self.mails: list[str] = []
        self.recipients: list[str] = []
        self.was_encrypted = False
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_known = self._account is None
        writer.write(b"220 test ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("EHLO"):
                offers = ["250-test"]
                offers += ["250-STARTTLS"] if self._tls and not self.was_encrypted else []
                writer.write("\r\n".join([*offers, "250-AUTH PLAIN", "250 HELP", ""]).encode())
            elif verb == "STARTTLS" and self._tls:
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(self._tls)
                self.was_encrypted = True
            elif verb.startswith("AUTH PLAIN"):
                is_known = self._is_right(line.split(" ", 2)[2])
                writer.write(b"235 ok\r\n" if is_known else b"535 no\r\n")
            elif verb.startswith("MAIL") and not is_known:
                writer.write(b"530 who are you\r\n")
            elif verb.startswith("RCPT"):
                self.recipients.append(line[9:-1])
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 ok\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    def _is_right(self, word: str) -> bool:
        _, name, password = base64.b64decode(word).decode().split("\0")
        return (name, password) == self._account


@asynccontextmanager
async def smtp_service(
    tls: ssl.SSLContext | None = None, account: tuple[str, str] | None = None
) -> AsyncIterator[SmtpService]:
    service = SmtpService(tls, account)
    server = await asyncio.start_server(service.talk, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service
