"""``gateway events`` and ``gateway fills``: what happened, from ws/events, resumed after every break."""

import asyncio
import json
import os
import sys
import urllib.parse
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from gateway.adapters.clock import SystemClock
from gateway.app.people.client import API, GatewayClient, Refused, Unreachable, address_of, headers_of
from gateway.app.people.events import event_line
from gateway.app.people.terminal import Terminal

#: Heartbeats come every 5 seconds: a stream that says nothing for longer is as good as none.
_SILENT_AFTER_S = 15.0
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_KEY_WITHDRAWN = 1008
_ASK_EVERY_S = 0.02
#: How far back is looked where nobody says it: many records hold nothing public.
_RECORDS = 10_000
_BREAKS = (aiohttp.ClientError, OSError, TimeoutError)
_FILTERS = ("symbol", "strategy_id", "venue", "account")


class Tape:
    """Messages in order, each once, however often the connection breaks.

    ``_seq``: everything up to this record was heard; ``_next``: of what comes, nothing before this place is new.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, types: str | None) -> None:
        self._session = session
        self._url = f"{url}{API}/ws/events"
        self._types = {"types": types} if types else {}
        self._seq = 0
        self._next = (0, 0)

    async def begin(self, after: int | None, records_back: int) -> None:
        """Behind record ``after``, or behind the one that many before the newest. Raises Unreachable."""
        if after is None:
            try:
                async with self._session.ws_connect(self._url) as stream:
                    after = max(json.loads(await _received(stream))["last_seq"] - records_back, 0)
            except aiohttp.WSServerHandshakeError:
                raise
            except _BREAKS as error:
                raise Unreachable(f"{self._url} does not answer: {error}; is GATEWAY_URL right?") from None
        self._seq = after

    async def messages(self, *, is_followed: bool) -> AsyncIterator[Mapping[str, Any]]:
        """Until all that there was has been told, or with ``is_followed`` for ever. Raises Refused, and
        WSServerHandshakeError where the gateway will not have us."""
        attempts = 0
        while True:
            try:
                async for message in self._connected(is_followed):
                    if message["type"] == "hello":
                        if attempts:
                            print(f"connected again, from record {self._seq} on", file=sys.stderr)
                        attempts = 0
                    else:
                        yield message
                return
            except aiohttp.WSServerHandshakeError as refusal:
                if refusal.status < 500:
                    raise
                error: Exception = refusal
            except _BREAKS as broken:
                error = broken
            if not is_followed:
                raise Unreachable(f"{self._url}: {error or 'nothing was heard'}") from None
            if not attempts:
                print(f"connection lost ({error or 'nothing was heard'}): trying again", file=sys.stderr)
            await asyncio.sleep(_WAITS_S[min(attempts, len(_WAITS_S) - 1)])
            attempts += 1

    async def _connected(self, is_followed: bool) -> AsyncIterator[Mapping[str, Any]]:
        """One connection: its hello and what is new. Ends when all was told that there was at its beginning."""
        query = {"after": str(self._seq), **self._types}
        async with self._session.ws_connect(self._url, params=query, max_msg_size=0) as stream:
            until = 0
            while True:
                message = json.loads(await _received(stream))
                if "index" in message:
                    if self._is_new(message):
                        yield message
                    continue
                self._seq = max(self._seq, message.get("seq", 0))
                if message["type"] == "hello":
                    until = message["last_seq"]
                    yield message
                if not is_followed:
                    if self._seq >= until:
                        return
                    await asyncio.sleep(_ASK_EVERY_S)
                    await stream.send_str('{"action":"ping"}')

    def _is_new(self, message: Mapping[str, Any]) -> bool:
        """A record may hold several messages: after a break in the middle of one, it is read again from its start."""
        seq, index = message["seq"], message["index"]
        if (seq, index) < self._next:
            return False
        self._seq, self._next = max(self._seq, seq - 1), (seq, index + 1)
        return True

    def why(self, status: int) -> str:
        """In words, why a stream was refused: asked without one, the gateway says it."""
        query = urllib.parse.urlencode({"after": self._seq, **self._types})
        try:
            GatewayClient(os.environ).text("GET", f"{API}/ws/events?{query}")
        except Refused as refused:
            return str(refused)
        return f"the gateway answered {status}"


async def _received(stream: aiohttp.ClientWebSocketResponse) -> str:
    frame = await stream.receive(timeout=_SILENT_AFTER_S)
    if frame.type is aiohttp.WSMsgType.TEXT:
        return str(frame.data)
    if stream.close_code == _KEY_WITHDRAWN:
        raise Refused(f"the gateway closed the stream: {frame.extra or 'the key was withdrawn'}")
    raise aiohttp.ClientConnectionError("the stream was closed")


def follow(args: Namespace) -> int:
    """Print what happened as lines, or with ``--json`` each message as it came; 0 when all of it was told."""
    try:
        return asyncio.run(_follow(args))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1


async def _follow(args: Namespace) -> int:
    terminal, clock = Terminal.of(os.environ), SystemClock()
    wanted = {name: value for name in _FILTERS if (value := getattr(args, name)) is not None}
    async with aiohttp.ClientSession(headers=headers_of(os.environ)) as session:
        tape = Tape(session, address_of(os.environ), args.types)
        try:
            back = args.records if args.records is not None else 0 if args.follow else _RECORDS
            await tape.begin(args.after, back)
            count = 0
            async for message in tape.messages(is_followed=args.follow):
                if all(message.get(name) == value for name, value in wanted.items()):
                    count += 1
                    shown = json.dumps(message) if args.json else event_line(message, terminal, clock.now_ns())
                    terminal.say([shown])
        except aiohttp.WSServerHandshakeError as refusal:
            raise Refused(await asyncio.to_thread(tape.why, refusal.status)) from None
    if not count:
        print("nothing that fits; --records N looks further back", file=sys.stderr)
    return 0
