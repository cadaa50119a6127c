"""Whether a policy takes longer the larger an order is: it would hold up the gateway, or eat its memory, for one order.

Golden cases alone do not show it: their amounts are small. A rule that counts up to a size is quick for what is written
in a test, and endless for ten units.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from gateway.adapters.policy.documents import MAX_EXACT
from gateway.adapters.policy.runners import InterpretedRunner, is_panic
from gateway.adapters.policy.sources import PolicyProblem, PolicySources
from gateway.domain.enums import OrderClass, OrdType, Role, Route, Side, TimeInForce
from gateway.domain.policy_input import PolicyDocument, PolicyMarket, PolicyOrder, PolicyPosition, PolicyUser

#: A policy slower than this would hold up every order behind it.
MAX_CASE_MS = 20
_AMOUNTS = (10**6, 10**9, 10**12, 10**15, MAX_EXACT)
_ORDER = PolicyOrder(
    id="o-1",
    symbol="AAPL",
    venue="ibkr",
    account="default",
    strategy="default",
    side=Side.BUY,
    order_type=OrdType.LIMIT,
    order_class=OrderClass.SIMPLE,
    time_in_force=TimeInForce.DAY,
    size_e8=1,
    notional_cents=1,
    limit_price_e8=1,
    stop_price_e8=1,
    is_closing=False,
    route=Route.LIVE,
    mode="LIVE",
)
_MARKET = PolicyMarket(
    is_open=True,
    is_synthetic=False,
    is_delayed=False,
    age_ms=1,
    reference_price_e8=1,
    weekday=1,
    local_minute=600,
)
_ANY = PolicyDocument(
    order=_ORDER,
    user=PolicyUser("desk", Role.TRADER),
    market=_MARKET,
    position=PolicyPosition(1),
    approved_symbols=None,
    time_ns=1,
)


def amount_problems(sources: PolicySources, inputs: list[Any]) -> list[PolicyProblem]:
    """The first amount over which the policies take too long, in an order as the gateway has them or in ``inputs``."""
    runner = InterpretedRunner(sources.modules, sources.data)
    documents = [to_builtins(_ANY), *[one for one in inputs if isinstance(one, dict) and one][:1]]
    for amount in _AMOUNTS:
        for document in documents:
            for name, larger in _with_amount(document, amount, ""):
                elapsed_ms = quickest_ms(runner, larger)
                if elapsed_ms > MAX_CASE_MS:
                    text = f"takes {elapsed_ms:.0f} ms where {name} is {amount}: an order may wait {MAX_CASE_MS} ms"
                    return [PolicyProblem(".", text)]
    return []


def quickest_ms(runner: InterpretedRunner, document: Any) -> float:
    """How long a decision takes. Once is no proof on a busy machine: what is slow is tried again."""
    text = json.dumps(document)
    quickest = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        try:
            runner.decide(text)
        except RuntimeError:
            pass  # no decision: a denial
        except BaseException as error:
            if not is_panic(error):
                raise
        quickest = min(quickest, (time.perf_counter() - start) * 1e3)
        if quickest <= MAX_CASE_MS:
            break
    return quickest


def _with_amount(document: dict[str, Any], amount: int, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one number at a time made ``amount``, and the name of that number."""
    for key, value in document.items():
        if type(value) is int:
            yield f"input.{prefix}{key}", {**document, key: amount}
        elif isinstance(value, dict):
            for name, inner in _with_amount(value, amount, f"{prefix}{key}."):
                yield name, {**document, key: inner}
