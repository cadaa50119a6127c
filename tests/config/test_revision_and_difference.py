"""The revision says whether content is equal; the difference says in words how it is not."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.config import describe_difference, parse, revision_of
from gateway.adapters.config.difference import _MAX_LINES
from gateway.domain.settings import Settings
from tests.config.samples import SEED_LIMITS, SEED_MODES, parse_texts, shipped_files


def edited(name: str, edit: Callable[[str], str]) -> dict[str, bytes]:
    files = shipped_files()
    text = files[name].decode()
    assert edit(text) != text
    return {**files, name: edit(text).encode()}


def test_equal_content_is_equal_revision_whatever_the_text() -> None:
    """Without it a comment or 50000.0 for 50000 would count as a change and be journaled as one."""
    one = parse_texts(gateway=SEED_MODES, risk=SEED_LIMITS)
    other = parse_texts(
        gateway="# moved\n" + SEED_MODES.replace("IBKR", "ibkr"),
        risk="limits: {max_leverage: 1, daily_loss_limit: 5e3, max_concentration: 20%, max_order_value: 50_000.0,"
        " max_position_size: 10000}",
    )
    assert one.trading.revision == other.trading.revision
    assert re.fullmatch("[0-9a-f]{16}", one.trading.revision)
    assert describe_difference(one, other) == ()


def test_the_revision_is_of_the_values_and_not_of_their_digits() -> None:
    """Without it a configuration that was journaled and read back could have another revision."""
    trading = parse(shipped_files(), {}).trading
    again = msgspec.json.decode(msgspec.json.encode(trading), type=type(trading))
    longer = msgspec.structs.replace(trading, reprice_reserve_bps=Decimal("0.00"))
    assert revision_of(again) == revision_of(longer) == trading.revision


def test_the_revision_is_the_same_in_another_process() -> None:
    """Without it a salted hash or an unordered set would make every restart a change."""
    program = (
        "from tests.config.samples import shipped_files\n"
        "from gateway.adapters.config import parse\n"
        "print(parse(shipped_files(), {}).trading.revision)"
    )
    root = Path(__file__).resolve().parents[2]
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {parse(shipped_files(), {}).trading.revision}


CHANGES = [
    ("risk.yaml", "max_order_value: 50000", "max_order_value: 60000", ("limits.max_order_value 50000 -> 60000",)),
    ("risk.yaml", "  max_leverage: 1.0", "  #", ("limits.max_leverage 1 -> none",)),
    ("risk.yaml", "limits:\n", "limits:\n  blocked_symbols: [ES]\n", ("limits.blocked_symbols [] -> [ES]",)),
    ("risk.yaml", "symbols: {}", "symbols: {ES: {max_order_size: 1}}", ("risk.symbols.ES added",)),
    ("gateway.yaml", 'global: "SHADOW"', "global: CANARY", ("modes.global SHADOW -> CANARY",)),
    (
        "gateway.yaml",
        'IBKR:\n      mode: "SHADOW"\n      canary_pct: 0.0 ',
        "IBKR:\n      mode: CANARY\n      canary_pct: 2.5 ",
        ("modes.venues.ibkr.canary_pct 0 -> 2.5", "modes.venues.ibkr.mode SHADOW -> CANARY"),
    ),
    ("gateway.yaml", "port: 7497", "port: 4002", ("venues.ibkr.port 7497 -> 4002",)),
    ("gateway.yaml", "  binance: ", "  ccxt: {}\n  binance: ", ("modes.venues.ccxt added", "venues.ccxt added")),
    ("gateway.yaml", "  USDT: 1", "  USDT: 0.99", ("rates.USDT 1 -> 0.99",)),
    ("gateway.yaml", "engine: embedded", "engine: opa", ("policy.engine embedded -> opa",)),
    ("gateway.yaml", "port: 8000", "port: 9000", ("server.port 8000 -> 9000",)),
    ("instruments.yaml", "reference_px: 250", "reference_px: 260", ("symbols.TSLA.reference_px 250 -> 260",)),
    (
        "instruments.yaml",
        "symbol: SOL/USDT",
        "symbol: XRP/USDT",
        ("symbols.SOL/USDT removed", "symbols.XRP/USDT added"),
    ),
    ("rollout.yaml", "canary_unit: position", "canary_unit: account", ("canary_unit position -> account",)),
    ("rollout.yaml", "caps: {}", "caps: {ibkr: {max_live_orders: 2}}", ("caps.binance added", "caps.ibkr added")),
]


@pytest.mark.parametrize(("name", "before", "after", "expected"), CHANGES)
def test_each_change_is_told_in_the_words_of_the_files(
    name: str, before: str, after: str, expected: tuple[str, ...]
) -> None:
    """Without it the journal and the page could not say what an edit changed."""
    old = parse(shipped_files(), {})
    new = parse(edited(name, lambda text: text.replace(before, after, 1)), {})
    assert describe_difference(old, new) == expected


@pytest.mark.parametrize(
    "scope",
    ["accounts.default", "strategies.s1", "venues.ibkr", "symbols.AAPL", "sectors.tech", "asset_classes.equity"],
)
def test_a_limit_of_any_scope_that_changed_is_told(scope: str) -> None:
    """Without it an edit of anything, were it only a lower mode, would raise where a sector has a limit, and take no
    effect; and what became of the limits of a venue would stand in no journal."""
    kind, name = scope.split(".")

    def limited(size: int) -> Settings:
        listed = "symbols: {equities: [{symbol: AAPL, sector: tech}]}"
        return parse_texts(instruments=listed, risk=f"{kind}: {{{name}: {{max_order_size: {size}}}}}")

    assert describe_difference(limited(5), limited(9)) == (f"risk.{scope}.max_order_size 5 -> 9",)
    assert describe_difference(limited(5), limited(5)) == ()


def test_a_throttle_of_a_venue_is_told_beside_its_limits() -> None:
    """Without it the one would hide what became of the other."""
    listed, both = "symbols: {equities: [AAPL]}", "venues: {ibkr: {max_order_size: %s, max_messages_per_second: %s}}"
    old, new = (parse_texts(instruments=listed, risk=both % values) for values in ((5, 10), (9, 20)))
    assert describe_difference(old, new) == (
        "risk.venues.ibkr.max_messages_per_second 10 -> 20",
        "risk.venues.ibkr.max_order_size 5 -> 9",
    )


def test_a_changed_key_is_told_without_its_hash() -> None:
    """Without it hashes of keys would stand in the journal and on the page."""
    entry = "principals: [{name: alice, role: %s, key_sha256: '%s'}]"
    old = parse_texts(principals=entry % ("trader", "a" * 64))
    new = parse_texts(principals=entry % ("admin", "b" * 64))
    assert describe_difference(old, new) == (
        "principals.alice.key_sha256 changed",
        "principals.alice.role trader -> admin",
    )


def test_a_changed_address_of_a_channel_is_told_without_it() -> None:
    """Without it the token in a webhook's address would stand in the journal."""
    text = "channels: [{name: desk, url: 'https://hooks.example/%s'}]"
    old, new = (parse_texts(notifications=text % token) for token in ("hunter2", "hunter3"))
    assert describe_difference(old, new) == ("channels.desk.url changed",)


def test_a_long_difference_is_cut_and_counted() -> None:
    """Without it a new list of instruments would make a record of thousands of lines."""
    many = "symbols: [" + ", ".join(f"S{i}" for i in range(500)) + "]"
    lines = describe_difference(parse_texts(), parse_texts(instruments=many))
    assert len(lines) == _MAX_LINES + 1
    assert lines[-1].startswith("and 30")
