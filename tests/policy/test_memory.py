"""Decisions that are remembered: never one that the policies would not give again."""

import random
from collections.abc import Iterator

import msgspec
import pytest

from gateway.adapters.policy.dependence import Dependence, dependence_of
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.memory import VerdictMemory
from gateway.adapters.policy.runners import parsed_engine
from gateway.adapters.policy.sources import PolicySources, build_sources
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument
from tests.policy.documents import E8, order_document

_HEAD = """package trading

default allow := false

allow if count(deny) == 0

decision := {"allow": allow, "deny": deny}

deny contains {"code": "NO", "text": "t"} if {
"""


def document(**changes: object) -> PolicyDocument:
    return msgspec.convert(order_document(**{"order__order_class": "simple", **changes}), PolicyDocument)


def sources_of(body: str, more: str = "") -> PolicySources:
    return build_sources({"trading.rego": f"{_HEAD}\t{body}\n}}\n\n{more}\n"})


def dependence(sources: PolicySources) -> Dependence | None:
    return dependence_of(parsed_engine(sources.modules).get_ast_as_json())


PRICE = "order.limit_price_e8"
#: A rule, what may follow it, and the fields by value, by null and by side that it depends on; None: on everything.
CASES: dict[str, tuple[str, str, Dependence | None]] = {
    "a value": ('input.order.symbol == "AAPL"', "", Dependence(("order.symbol",))),
    "a bare value": ("input.market.is_open", "", Dependence(("market.is_open",))),
    "a type": ("is_null(input.order.limit_price_e8)", "", Dependence((), (PRICE,))),
    "a type by name": ('type_name(input["order"].limit_price_e8) in {"null"}', "", Dependence((), (PRICE,))),
    "a side": ("input.order.notional_cents > 5", "", Dependence((), (), (("order.notional_cents", (5,)),))),
    "two sides": (
        "5 >= input.order.limit_price_e8\n\tinput.order.limit_price_e8 != 3",
        "",
        Dependence((), (PRICE,), ((PRICE, (3, 5)),)),
    ),
    "a value and a side": (
        "input.order.size_e8 > 5\n\tinput.order.size_e8 > data.most",
        "",
        Dependence(("order.size_e8",)),
    ),
    "a fraction": ("input.order.size_e8 > 0.5", "", Dependence(("order.size_e8",))),
    "under another name": (
        "one := input.order\n\tother := one\n\tother.symbol in data.most",
        "",
        Dependence(("order.symbol",)),
    ),
    "unified": ("x = input.order.size_e8\n\tx > 5", "", Dependence(("order.size_e8",))),
    "taken with a default": ('object.get(input.order, "symbol", "") != ""', "", Dependence(("order.symbol",))),
    "taken by a path, its type": (
        'type_name(object.get(input, ["order", "limit_price_e8"], 1)) == "null"',
        "",
        Dependence((), (PRICE,)),
    ),
    "with a default of the input": (
        "object.get(data.limits, input.order.symbol, input.order.size_e8) > 5",
        "",
        Dependence(("order.size_e8", "order.symbol")),
    ),
    "an index": ("data.limits[input.order.symbol] > 5", "", Dependence(("order.symbol",))),
    "a place that varies": ("some x in [1]\n\tinput.approved_symbols[x]", "", Dependence(("approved_symbols",))),
    "a field that varies": ("some x in data.names\n\tinput.order[x] == 1", "", None),
    "the whole document": ('json.marshal(input) == ""', "", None),
    "a part of it": ("count(input.user) == 5", "", Dependence(("user.name", "user.role"))),
    "the order's own id": ('startswith(input.order.id, "o")', "", None),
    "the time": ("input.time_ns > data.most", "", None),
    "the time beside a number": ("input.time_ns > 5", "", Dependence((), (), (("time_ns", (5,)),))),
    "by way of a function": ("f(input.position)", "f(x) if x.size_e8 > 5", Dependence(("position.size_e8",))),
    "a function of a builtin's name": (
        "is_string(input.order.mode)",
        'is_string(x) if x == "LIVE"',
        Dependence(("order.mode",)),
    ),
    "by way of a rule": ("large", "large if input.order.size_e8 > data.most", Dependence(("order.size_e8",))),
    "in a comprehension": (
        "count([x | x := input.order.venue]) == 5",
        "",
        Dependence(("order.venue",)),
    ),
    "a rule that nothing asks": ("true", 'aside if input.order.id == ""', Dependence()),
    "a field that there is not": ("input.order.colour == 5", "", Dependence()),
}


@pytest.mark.parametrize(("body", "more", "expected"), CASES.values(), ids=CASES)
def test_what_a_rule_looks_at_is_found(body: str, more: str, expected: Dependence | None) -> None:
    """Without it a rule could look at a field that the memory knows nothing of, and hear the answer of another."""
    assert dependence(sources_of(body, more)) == expected


def test_an_imported_input_is_remembered_by_nobody() -> None:
    """Without it a field could come in under a name that is none of the input's."""
    text = _HEAD.replace("package trading\n", "package trading\n\nimport input.order as mine\n")
    assert dependence(build_sources({"trading.rego": text + '\tmine.symbol == "AAPL"\n}\n'})) is None


def test_the_shipped_policies_depend_on_little(shipped: PolicySources) -> None:
    """Without it an edit of the shipped rules could silently make every decision one to be worked out."""
    found = dependence(shipped)
    assert found is not None
    assert not {"order.notional_cents", "market.age_ms", PRICE, "order.account"} & set(found.values)


def _random_documents(seed: int, count: int) -> Iterator[PolicyDocument]:
    draw = random.Random(seed)
    for number in range(count):
        yield document(
            order__id=f"o{number}",
            order__symbol=draw.choice(("AAPL", "TSLA")),
            order__mode=draw.choice(("SHADOW", "LIVE")),
            order__venue=draw.choice(("ibkr", "alpaca")),
            order__size_e8=draw.choice((0, 4, 5, 6, 10 * E8, 10**6 * E8)),
            order__notional_cents=draw.choice((-1, 0, 4, 5, 6)),
            order__limit_price_e8=draw.choice((None, 2, 3, 4, 5, 6)),
            position__size_e8=draw.choice((0, 5, 6)),
            user__role=draw.choice(("trader", "viewer")),
            user__name=draw.choice(("a", "b")),
            market__is_open=draw.random() < 0.7,
            approved_symbols=draw.choice((None, [], ["AAPL"])),
            time_ns=draw.choice((4, 5, 6)),
        )


def _decided(sources: PolicySources, count: int) -> set[PolicyVerdict]:
    """All that was decided on random documents, having seen that memory made no difference to any."""
    plain = EmbeddedPolicy(ApprovedPolicies(sources))
    remembering = EmbeddedPolicy(ApprovedPolicies(sources, (), dependence(sources)))
    verdicts = set()
    for one in _random_documents(7, count):
        expected = plain.evaluate_now(one)
        assert remembering.evaluate_now(one) == expected, one
        verdicts.add(expected)
    return verdicts


@pytest.mark.parametrize(("body", "more"), [case[:2] for case in CASES.values()], ids=CASES)
def test_a_remembered_decision_is_the_one_that_would_be_given(body: str, more: str) -> None:
    """Without it an order that must be denied could pass because one that looks alike had passed before."""
    assert _decided(sources_of(body, more), 150)


def test_the_shipped_policies_remember_and_decide_alike(shipped: PolicySources) -> None:
    """The same for what most people run; and without it nothing might be remembered at all."""
    assert len(_decided(shipped, 1_500)) > 5
    found = dependence(shipped)
    assert found is not None
    memory = VerdictMemory(found)
    assert len({memory.key(one) for one in _random_documents(7, 1_500)}) < 1_000


def test_what_was_no_decision_is_not_remembered() -> None:
    """Without it an engine that failed once would go on failing after it has recovered."""
    policies = ApprovedPolicies(sources_of("true"), (), Dependence())
    policy = EmbeddedPolicy(policies)
    broken = policy.evaluate_now(document(order__size_e8=2**63))
    assert broken.failure is not None
    assert policy.evaluate_now(document()).failure is None


async def test_other_policies_remember_nothing_of_the_former(shipped: PolicySources) -> None:
    """Without it an order could pass by rules that are no longer in force."""
    policy = EmbeddedPolicy(ApprovedPolicies(shipped, (), dependence(shipped)))
    assert policy.evaluate_now(document()).is_allowed
    await policy.activate(ApprovedPolicies(sources_of("true"), (), Dependence()))
    assert not policy.evaluate_now(document()).is_allowed
