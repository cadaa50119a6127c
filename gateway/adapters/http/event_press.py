"""From records to messages on the wire, made once for all who read them."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from gateway.adapters.http.auth import ANYONE, Caller
from gateway.adapters.http.event_words import tell
from gateway.adapters.http.streams import encode, frame
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.told import Told
from gateway.domain.facts import OrderDenied, OrderHeld
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.ports.read_model import ReadModel

_MAX_RECORDS = 4_096
_BLOCK = 32
_MAX_BLOCKS = 256
_MAX_IDENTITIES = 20_000


class Identity(NamedTuple):
    """What never changes about an order: it tells strangers' messages from one's own."""

    account: str
    strategy_id: str
    client_order_id: str
    venue: str
    symbol: str
    side: str


class Message(NamedTuple):
    """One public fact, as it is sent. ``owner`` None: for everybody, or for those who see all accounts."""

    type: str
    owner: tuple[str, str] | None
    is_for_desk: bool
    frame: bytes

    def is_for(self, caller: Caller) -> bool:
        if self.owner is None:
            return not (self.is_for_desk and caller.is_restricted)
        return caller.sees(*self.owner)


class Audience(NamedTuple):
    """Who is told the same: the types that are asked for, and what those who ask may see."""

    types: frozenset[str]
    eyes: Caller

    @classmethod
    def of(cls, types: frozenset[str], caller: Caller) -> "Audience":
        """Of whoever sees as much as ``caller``."""
        return cls(types, msgspec.structs.replace(ANYONE, accounts=caller.accounts, strategies=caller.strategies))


Identify = Callable[[str], Awaitable[Identity | None]]


async def identify(reads: ReadModel, order_id: str) -> Identity | None:
    """Whose order it is; None when no such order was ever durable."""
    story = await reads.order(order_id)
    return None if story is None else _identity(story.order)


def _identity(order: Order) -> Identity:
    return Identity(order.account, order.strategy_id, order.cl_ord_id, order.venue, order.symbol, order.side.value)


class EventPress:
    """Messages of the latest records and identities of the latest orders are kept, within bounds; so are the latest
    blocks of them, which hundreds of clients that ask for the same are sent as they are."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._messages: OrderedDict[int, tuple[Message, ...]] = OrderedDict()
        self._identities: OrderedDict[str, Identity] = OrderedDict()
        self._blocks: OrderedDict[tuple[Audience, int], bytes] = OrderedDict()

    async def frames(self, records: Sequence[Record], audience: Audience) -> bytes:
        """All that these records, which follow each other, say to one audience."""
        parts: list[bytes] = []
        at = 0
        while at < len(records):
            seq = records[at].seq
            size = _BLOCK - (seq - 1) % _BLOCK
            some = records[at : at + size]
            if len(some) == _BLOCK and some[-1].seq == seq + _BLOCK - 1:
                parts.append(await self._block(some, audience))
            else:
                parts.append(await self._told(some, audience))
            at += len(some)
        return b"".join(parts)

    async def _block(self, records: Sequence[Record], audience: Audience) -> bytes:
        key = (audience, records[0].seq)
        known = self._blocks.get(key)
        if known is None:
            known = self._blocks[key] = await self._told(records, audience)
            if len(self._blocks) > _MAX_BLOCKS:
                self._blocks.popitem(last=False)
        return known

    async def _told(self, records: Sequence[Record], audience: Audience) -> bytes:
        messages = [message for record in records for message in await self.messages(record)]
        return b"".join([one.frame for one in messages if one.type in audience.types and one.is_for(audience.eyes)])

    async def messages(self, record: Record) -> tuple[Message, ...]:
        known = self._messages.get(record.seq)
        if known is None:
            known = await self._print(record)
            self._messages[record.seq] = known
            if len(self._messages) > _MAX_RECORDS:
                self._messages.popitem(last=False)
        return known

    async def _print(self, record: Record) -> tuple[Message, ...]:
        messages = []
        for index, fact in enumerate(record.facts):
            if isinstance(fact, OrderHeld | OrderDenied) and fact.order is not None:
                self._remember(fact.order.order_id, _identity(fact.order))
            told = tell(fact)
            if told is not None:
                head = {"seq": record.seq, "index": index, "ts": rfc3339(fact.ts_ns), "type": told.type}
                messages.append(await self._message(head, told))
        return tuple(messages)

    async def _message(self, head: dict[str, object], told: Told) -> Message:
        if told.order_id is None:
            return Message(told.type, told.owner, told.is_for_desk, frame(encode({**head, **told.fields})))
        identity = self._identities.get(told.order_id) or await self._look_up(told.order_id)
        if identity is None:
            # Never durable, so it has no owner to ask about.
            body = encode({**head, "order_id": told.order_id, **told.fields})
            return Message(told.type, None, True, frame(body))
        about = {"order_id": told.order_id, **identity._asdict()}
        owner = (identity.account, identity.strategy_id)
        return Message(told.type, owner, False, frame(encode({**head, **about, **told.fields})))

    async def _look_up(self, order_id: str) -> Identity | None:
        identity = await self._identify(order_id)
        if identity is not None:
            self._remember(order_id, identity)
        return identity

    def _remember(self, order_id: str, identity: Identity) -> None:
        self._identities[order_id] = identity
        if len(self._identities) > _MAX_IDENTITIES:
            self._identities.popitem(last=False)
