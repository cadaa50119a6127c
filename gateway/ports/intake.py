"""What the outside may ask of the gateway: the driving port that HTTP (and any later facade) calls."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

import msgspec

from gateway.domain.enums import Route, ScopeKind, TradingState, Word
from gateway.domain.orders import Actor, NewOrderSingle, Order, Reject, ReplaceRequest
from gateway.domain.orders import FieldError as FieldError
from gateway.domain.overrides import Override, OverrideTerms
from gateway.domain.records import Record
from gateway.domain.sessions import Approval, Session
from gateway.domain.throttles import StrategyLock

T = TypeVar("T")


class RequestInvalid(Exception):
    """The request cannot be read as an order (HTTP 400). Nothing was recorded."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{e.field} {e.rule}, was {e.value}" for e in errors))
        self.errors = errors


class NotAccepting(Exception):
    """The gateway takes no new orders now (HTTP 503): starting, stopping, or the journal cannot be written."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class ControlRefused(Exception):
    """A command of an operator cannot be done as things stand (HTTP 404 or 409); ``code`` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Outcome(Word):
    CREATED = "created"
    #: The same client_order_id with the same content: the order as it is now, nothing was sent again.
    REPEATED = "repeated"
    #: The same client_order_id with other content.
    CONFLICT = "conflict"
    DENIED = "denied"
    #: Not now: the same request may be taken after ``wait_ns``. No order is kept, its client_order_id stays free.
    DEFERRED = "deferred"
    NOT_FOUND = "not_found"
    #: A cancel or replace was taken; the venue's report will tell how it ends.
    REQUESTED = "requested"
    #: The order is in no state for this (already done, say); ``reject`` says why.
    REFUSED = "refused"


class OrderStory(msgspec.Struct, frozen=True, gc=False):
    """An order as it stands, with the legs of a split one (a parent's figures are the sum of its legs)."""

    order: Order
    legs: tuple[Order, ...] = ()


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What became of a request. ``reject`` says why not; ``wait_ns`` above 0: when the same request may pass."""

    outcome: Outcome
    story: OrderStory | None = None
    reject: Reject | None = None
    wait_ns: int = 0


class OrderIntake(Protocol):
    """Every method returns only after the facts it answers for are durable."""

    async def place(self, request: NewOrderSingle, actor: Actor, received_ns: int, answer: Callable[[Reply], T]) -> T:
        """What ``answer`` makes of the reply: it is made while the disk writes, and returned when that is done.

        ``received_ns`` (monotonic) is when the request came.
        """
        ...

    async def cancel(self, order_id: str, actor: Actor) -> Reply:
        """Ask for the end of an order: REQUESTED, REFUSED or NOT_FOUND. Works while the journal does not."""
        ...

    async def replace(self, order_id: str, request: ReplaceRequest, actor: Actor) -> Reply:
        """Ask for new terms of an order: REQUESTED, REFUSED, DENIED, DEFERRED or NOT_FOUND."""
        ...


class Stops(Protocol):
    """How people stop trading, get out, and let it go on."""

    async def switch_trading(
        self,
        state: TradingState,
        actor: Actor,
        reason: str,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
    ) -> None:
        """HALTED refuses all orders of the scope and cancels the open ones, whatever else is broken; persists.

        ACTIVE lifts what a person stopped in this very scope. Raises RequestInvalid for a scope that cannot be, and
        ControlRefused while a file in the data directory keeps the gateway halted.
        """
        ...

    async def flatten(
        self,
        actor: Actor,
        reason: str,
        *,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
        books: tuple[Route, ...] = (Route.LIVE,),
        limit_offset_bps: Decimal | None = None,
        flatten_id: str = "",
    ) -> str:
        """Halt the scope, cancel what is open in it, close its positions; the id under which its progress is told."""
        ...

    async def reset_breaker(self, breaker_id: str, actor: Actor, reason: str, is_forced: bool) -> None:
        """Reset a circuit breaker; raises ControlRefused while its cause lasts and force is not used."""
        ...

    async def shut_down(self, actor: Actor, reason: str) -> None:
        """The emergency shutdown: cancel all, halt, until a person resets it."""
        ...

    async def lift_lock(self, lock_id: str, actor: Actor, reason: str) -> StrategyLock | None:
        """Let a locked strategy take new risk again; None when there is no such lock."""
        ...


class WaitingEdit(msgspec.Struct, frozen=True, kw_only=True):
    """An edit of the configuration that takes effect when its ``revision`` is approved. ``looser`` is why it waits,
    ``tighter`` what waits with it; ``in_force`` is what of it took effect at once."""

    revision: str
    since_ns: int
    difference: tuple[str, ...]
    looser: tuple[str, ...]
    tighter: tuple[str, ...]
    in_force: tuple[str, ...]


class AlreadyInForce(Exception):
    """The configuration that was approved is the one in force: nothing waits for it."""


class ConfigApprovals(Protocol):
    """Edits that loosen limits wait for a person."""

    async def approve(self, revision: str, actor: Actor, reason: str) -> bool:
        """Let the configuration with this revision loosen limits, now or when it comes. Returns whether it is in
        force. Raises AlreadyInForce, NotAccepting."""
        ...

    def waiting(self) -> WaitingEdit | None: ...

    def standing(self) -> dict[str, Approval]:
        """Approvals that were given and not used yet, by revision."""
        ...


class Overrides(Protocol):
    """Controlled overrides: rules that a person lifts for certain orders and a short time."""

    async def grant(self, terms: OverrideTerms, expires_ns: int | None, actor: Actor, reason: str) -> Override:
        """``terms.rules`` are rule ids or reason codes; ``expires_ns`` None is the configured default. Raises
        RequestInvalid, NotAccepting."""
        ...

    async def revoke(self, override_id: str, actor: Actor) -> Override | None:
        """The override that is over now; None when there was none. Works while the journal does not."""
        ...

    def find(self, override_id: str) -> Override | None: ...

    def all(self) -> Sequence[Override]: ...


class Controls(Stops, Protocol):
    """What people do besides orders."""

    async def start_session(self, label: str, strategies: tuple[str, ...], actor: Actor) -> Session: ...

    async def end_session(self, actor: Actor) -> Session | None: ...


class EventTail(Protocol):
    """One reader's place among the durable records. To be closed."""

    async def take(self) -> Sequence[Record]:
        """The next records, some hundred at most, and the place moves behind them; empty when there are none."""
        ...

    async def moved(self) -> None:
        """Wait until there is something to take."""
        ...

    def close(self) -> None: ...


class EventFeed(Protocol):
    """Durable records in order. A slow reader slows nobody: it is served from the journal until it caught up."""

    def tail(self, after_seq: int) -> EventTail:
        """Records with ``seq > after_seq``, and then each new one as it becomes durable."""
        ...

    async def beyond(self, seq: int) -> int:
        """Wait until something behind ``seq`` is durable; returns the newest."""
        ...

    @property
    def last_seq(self) -> int: ...
