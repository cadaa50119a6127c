"""``gateway check-order``: what placing orders would come to, asked of a running gateway or of its journal."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gateway.adapters.calendar import ExchangeCalendar, UnknownCalendar
from gateway.adapters.clock import SystemClock
from gateway.adapters.config import ConfigInvalid, load
from gateway.adapters.http.placing import read_order
from gateway.adapters.journal.outside import from_outside
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.sources import PoliciesInvalid
from gateway.app.candidate_proofs import LAST_GOOD_POLICIES
from gateway.app.people.client import GatewayClient, Refused
from gateway.app.people.terminal import clean
from gateway.app.people.verdict import verdict_lines
from gateway.app.registry import with_capabilities
from gateway.core.apply import apply_record
from gateway.core.decide import decide
from gateway.core.rollout.promotion import steps_entered
from gateway.core.state import GatewayState
from gateway.core.validation import shape_problems
from gateway.domain.enums import Role
from gateway.domain.events import ConfigLoaded
from gateway.domain.facts import ConfigChanged, Fact
from gateway.domain.market import MarketUpdate, Quote
from gateway.domain.money import amount_problem
from gateway.domain.orders import Actor
from gateway.ports.checking import OrderCheckView
from gateway.ports.intake import RequestInvalid
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.checking import as_received, check_order, shapeless
from gateway.service.market_view import MarketViews
from gateway.service.recovery import recover

_ACTOR = Actor("check-order", Role.TRADER)
_CHECK = "/api/trading/orders/check"
_ABSENT = ("", "~", "null", "Null", "NULL")


class Unusable(Exception):
    """What was given cannot be checked; says why."""


def check_orders(
    source: str,
    config_dir: Path | None,
    data_dir: Path | None,
    prices: Sequence[str],
    environ: Mapping[str, str],
    *,
    is_json: bool,
) -> int:
    """Print the verdict on every order in ``source`` (a file, or ``-``); 0 only when all would be admitted.

    With a folder of the configuration or of the data no running gateway is asked.
    """
    try:
        orders = read_orders(_text_of(source))
        if config_dir is None and data_dir is None:
            if prices:
                raise Unusable("--price goes with --config or --data: a running gateway has prices of its own")
            client = GatewayClient(environ)
            views = [client.ask("POST", _CHECK, order) for order in orders]
        else:
            found = asyncio.run(_offline(orders, config_dir, data_dir, prices, environ))
            views = [msgspec.to_builtins(view) for view in found]
    except RequestInvalid as invalid:
        print("\n".join(f"{e.field} {e.rule}, was {e.value} ({e.hint})" for e in invalid.errors), file=sys.stderr)
        return 1
    except UnicodeDecodeError as error:
        print(f"cannot be checked: {source} is no UTF-8 text (byte {error.start + 1})", file=sys.stderr)
        return 1
    except (Refused, Unusable, OSError, JournalBroken, JournalUnavailable) as error:
        print(f"cannot be checked: {error}", file=sys.stderr)
        return 1
    print(json.dumps(views, indent=2) if is_json else "\n\n".join(map(_words, views)))
    return 0 if all(view["would_be"] == "admitted" for view in views) else 1


def _text_of(source: str) -> str:
    if source != "-":
        return Path(source).read_text(encoding="utf-8")
    if sys.stdin is None:
        raise Unusable("standard input is closed")
    return sys.stdin.read()


def read_orders(text: str) -> list[dict[str, Any]]:
    """The orders of a JSON or YAML text: one, or a list. Numbers stay the digits that they were written in."""
    try:
        found = _decoded(text)
    except yaml.YAMLError as error:
        raise Unusable(f"neither JSON nor YAML: {error}") from None
    except RecursionError:
        raise Unusable("it is nested too deep to be an order") from None
    orders = found if isinstance(found, list) else [found]
    if not orders or not all(isinstance(order, dict) for order in orders):
        raise Unusable("there must be one order (a mapping) or a list of orders")
    return orders


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        found = yaml.load(text, Loader=yaml.BaseLoader)
    return [_without_absent(one) for one in found] if isinstance(found, list) else _without_absent(found)


def _without_absent(order: Any) -> Any:
    if not isinstance(order, dict):
        return order
    return {key: value for key, value in order.items() if value not in _ABSENT}


class _GivenPrices:
    """Implements ``ports.market_data.MarketData``: the prices of the command line, as of now."""

    is_synthetic = False

    def __init__(self, quotes: Mapping[str, Quote]) -> None:
        self._quotes = quotes

    async def start(self) -> None: ...

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: Callable[[MarketUpdate], None]) -> Callable[[], None]:
        return lambda: None

    async def close(self) -> None: ...


def _tried(state: GatewayState, loaded: ConfigLoaded) -> tuple[Fact, ...]:
    """The configuration in force, for the sake of the check: also one that lacks a person's word or evidence."""
    decision = decide(state, loaded)
    if decision.refusal is None:
        return decision.facts
    changed = ConfigChanged(ts_ns=loaded.ts_ns, config=loaded.config, actor=_ACTOR, difference=())
    return (changed, *steps_entered(state, loaded, _ACTOR))


async def _offline(
    orders: Iterable[dict[str, Any]],
    config_dir: Path | None,
    data_dir: Path | None,
    prices: Sequence[str],
    environ: Mapping[str, str],
) -> list[OrderCheckView]:
    """The verdicts on the journal's state, under the configuration of the folder or else the journal's own."""
    now_ns = SystemClock().now_ns()
    state = GatewayState()
    if data_dir is not None:
        async with from_outside(data_dir) as journal:
            state, _ = await recover(journal)
    policy_dir = None
    if config_dir is not None:
        try:
            settings = with_capabilities(load(config_dir, environ))
        except ConfigInvalid as invalid:
            raise Unusable("; ".join(str(problem) for problem in invalid.problems)) from None
        loaded = ConfigLoaded(ts_ns=now_ns, config=settings.trading, actor=_ACTOR)
        apply_record(state, _tried(state, loaded))
        policy_dir = config_dir / settings.policy.path
    policy = await _policy(policy_dir, data_dir)
    calendar = ExchangeCalendar()
    if state.config.is_market_data_real:
        try:
            calendar.prepare(sorted({one.calendar for one in state.config.instruments.values()}), now_ns)
        except UnknownCalendar as error:
            raise Unusable(str(error)) from None
    quotes = _quotes(prices, now_ns)
    unknown = sorted(quotes.keys() - state.config.instruments.keys())
    if unknown:
        raise Unusable(f"--price of {', '.join(unknown)}: not in instruments.yaml")
    views = MarketViews(_GivenPrices(quotes), calendar)
    found = []
    for order in orders:
        request = read_order(json.dumps(order).encode())
        event = as_received(request, _ACTOR, views.view(state.config, request.symbol, now_ns), now_ns)
        problems = shape_problems(request, now_ns)
        found.append(shapeless(state, event, problems) if problems else await check_order(state, policy, event))
    return found


async def _policy(policy_dir: Path | None, data_dir: Path | None) -> EmbeddedPolicy:
    """The policies of the folder, or those last in force; in this process, whatever engine the gateway uses."""
    loader = PolicyLoader(policy_dir or Path(), None if data_dir is None else data_dir / LAST_GOOD_POLICIES)
    try:
        approved = loader.load() if policy_dir is not None else loader.load_last_good()
        if approved is None:
            raise Unusable("the data directory holds no policies; give --config too")
        engine = EmbeddedPolicy()
        await engine.activate(approved)
    except PoliciesInvalid as invalid:
        raise Unusable("; ".join(str(problem) for problem in invalid.problems)) from None
    return engine


def _quotes(prices: Sequence[str], now_ns: int) -> dict[str, Quote]:
    found = {}
    for text in prices:
        symbol, _, px = text.partition("=")
        try:
            amount = msgspec.convert(px, type=Decimal, strict=False)
        except msgspec.ValidationError:
            raise Unusable(f"--price {text}: write it as SYMBOL=PRICE, with a price above 0") from None
        if not symbol or amount_problem(amount) is not None or amount <= 0:
            raise Unusable(f"--price {text}: write it as SYMBOL=PRICE, with a price above 0")
        found[symbol] = Quote(symbol, amount, None, amount, None, amount, None, 0, now_ns)
    return found


def as_text(verdict: OrderCheckView) -> str:
    """One verdict for people."""
    return _words(msgspec.to_builtins(verdict))


def _words(view: Mapping[str, Any]) -> str:
    return "\n".join(map(clean, verdict_lines(view)))
