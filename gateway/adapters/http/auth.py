"""Who is asking, and what may they do.

House rules: a key is never stored, logged or shown, only its SHA-256 is compared; without any configured key the
only caller is a program on this machine, which may do everything; no header can claim another peer address.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

import msgspec
from aiohttp import hdrs

from gateway.adapters.http.problem import HttpProblem
from gateway.domain.enums import Role
from gateway.domain.orders import Actor, Order
from gateway.domain.settings import Principal

#: Why a caller can be refused, as problem codes.
FAILURES = ("KEY_MISSING", "KEY_UNKNOWN", "NETWORK_NOT_PERMITTED", "ORIGIN_NOT_PERMITTED", "ROLE_NOT_PERMITTED")
#: A browser cannot set Authorization on a WebSocket; it offers the key as a second protocol name instead.
WEBSOCKET_PROTOCOL = "gateway.v1"
_BEARER_PROTOCOL = "bearer."


class Asking(Protocol):
    """What the doorman looks at of a request."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def remote(self) -> str | None: ...


class Right(StrEnum):
    """What an operation needs of its caller."""

    #: Nothing: anyone may ask.
    OPEN = "open"
    READ = "read"
    #: Reading from this machine needs no key (a local Prometheus); from elsewhere it does.
    SCRAPE = "scrape"
    TRADE = "trade"
    CANCEL = "cancel"
    CONTROL = "control"


_OPEN, _SCRAPE = Right.OPEN, Right.SCRAPE  # named once: see domain.orders

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.OPEN, Right.READ, Right.SCRAPE}),
    Role.TRADER: frozenset({Right.OPEN, Right.READ, Right.SCRAPE, Right.TRADE, Right.CANCEL}),
    Role.RISK: frozenset({Right.OPEN, Right.READ, Right.SCRAPE, Right.CANCEL, Right.CONTROL}),
    Role.ADMIN: frozenset(Right),
}


class Caller(msgspec.Struct, frozen=True):
    """One authenticated caller. ``accounts`` and ``strategies`` None mean all of them."""

    actor: Actor
    rights: frozenset[Right]
    accounts: frozenset[str] | None = None
    strategies: frozenset[str] | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    default_account: str = "default"
    default_strategy: str = "default"

    @property
    def is_restricted(self) -> bool:
        return self.accounts is not None or self.strategies is not None

    def sees(self, account: str, strategy_id: str) -> bool:
        """Whether orders and positions of this account and strategy exist, as far as this caller can tell."""
        return (self.accounts is None or account in self.accounts) and (
            self.strategies is None or strategy_id in self.strategies
        )

    def sees_order(self, order: Order) -> bool:
        return self.sees(order.account, order.strategy_id)


LOCAL = Caller(Actor("local", Role.ADMIN), RIGHTS[Role.ADMIN])
ANYONE = Caller(Actor("anyone", Role.VIEWER), frozenset({Right.OPEN}), frozenset(), frozenset())


class Doorman:
    """Finds the caller of a request, or refuses it. ``failures`` counts refusals by reason, for the metrics."""

    def __init__(self, principals: Callable[[], tuple[Principal, ...]]) -> None:
        self._principals = principals
        self._known: tuple[Principal, ...] | None = None
        self._callers: dict[bytes, Caller] = {}
        self.failures: dict[str, int] = dict.fromkeys(FAILURES, 0)

    @property
    def has_keys(self) -> bool:
        return bool(self._principals())

    def admit(self, request: Asking, needs: Right) -> Caller:
        """The caller, who has the right ``needs``. Raises HttpProblem 401 or 403."""
        if needs is _OPEN:
            return ANYONE
        if needs is _SCRAPE and _is_local(request):
            return LOCAL
        try:
            caller = self._identify(request)
            if needs not in caller.rights:
                role = caller.actor.role.value
                raise HttpProblem("ROLE_NOT_PERMITTED", f"role {role} has no right to {needs.value}")
        except HttpProblem as refusal:
            self.failures[refusal.code] += 1
            raise
        return caller

    def recognize(self, request: Asking) -> Caller | None:
        """The caller if there is one; asks nothing of a stranger and counts nothing.

        Long-lived connections ask again now and then: their key may have been withdrawn or narrowed.
        """
        try:
            return self._identify(request)
        except HttpProblem:
            return None

    def _identify(self, request: Asking) -> Caller:
        known = self._principals()
        if known is not self._known:
            self._callers = {bytes.fromhex(p.key_sha256): _caller(p) for p in known}
            self._known = known
        if not known:
            if _is_local(request):
                return LOCAL
            raise HttpProblem("ORIGIN_NOT_PERMITTED", "no key is configured, so only this machine itself may ask")
        key = _bearer(request)
        if key is None:
            headers = {"WWW-Authenticate": 'Bearer realm="gateway"'}
            raise HttpProblem("KEY_MISSING", "send it as `Authorization: Bearer KEY`", headers)
        # Looking up the digest reveals nothing by its timing: nobody can choose a digest without having its key.
        caller = self._callers.get(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest())
        if caller is None:
            headers = {"WWW-Authenticate": 'Bearer realm="gateway", error="invalid_token"'}
            raise HttpProblem("KEY_UNKNOWN", "no principal has this key", headers)
        if caller.networks and not _is_within(request.remote, caller.networks):
            raise HttpProblem("NETWORK_NOT_PERMITTED", "the key is bound to other networks")
        return caller


def _is_local(request: Asking) -> bool:
    """Whether a program on this machine asks. Pages in a browser on this machine reach loopback too, also under
    a foreign name (DNS rebinding): a foreign Host, or an Origin that is not this server, gives them away."""
    headers = request.headers
    return is_loopback(request.remote) and _is_own_page(headers.get(hdrs.HOST, ""), headers.get(hdrs.ORIGIN))


@functools.lru_cache(maxsize=1_024)
def _is_own_page(host: str, origin: str | None) -> bool:
    return (origin is None or origin.partition("://")[2] == host) and _is_loopback_name(host)


def _caller(principal: Principal) -> Caller:
    accounts, strategies = principal.accounts, principal.strategies
    return Caller(
        actor=Actor(principal.name, principal.role),
        rights=RIGHTS[principal.role],
        accounts=frozenset(accounts) or None,
        strategies=frozenset(strategies) or None,
        networks=tuple(ip_network(network, strict=False) for network in principal.networks),
        default_account=accounts[0] if len(accounts) == 1 else "default",
        default_strategy=strategies[0] if len(strategies) == 1 else "default",
    )


def _bearer(request: Asking) -> str | None:
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is not None:
        scheme, _, key = header.partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else None
    offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL)
    if offered is not None:
        for protocol in offered.split(","):
            if protocol.strip().startswith(_BEARER_PROTOCOL):
                return protocol.strip()[len(_BEARER_PROTOCOL) :] or None
    return None


def _is_loopback_name(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower() == "localhost" or is_loopback(name)


@functools.lru_cache(maxsize=1_024)
def is_loopback(address: str | None) -> bool:
    """Whether an address is this machine's own; a name or nothing is not."""
    try:
        return _unmapped(address or "").is_loopback
    except ValueError:
        return False


@functools.lru_cache(maxsize=1_024)
def _is_within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        peer = _unmapped(address or "")
    except ValueError:
        return False
    return any(peer in network for network in networks)


def _unmapped(address: str) -> IPv4Address | IPv6Address:
    """A dual-stack socket shows an IPv4 peer as ::ffff:a.b.c.d."""
    ip = ip_address(address)
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
