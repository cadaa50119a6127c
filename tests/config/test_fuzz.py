"""Whatever the files hold, the answer is settings or problems: never another exception, never a long wait."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.adapters.config import ConfigInvalid, ConfigProblem, documents, parse, revision_of
from gateway.adapters.config.kinds import Kind, Unfit
from gateway.adapters.config.problems import MAX_PROBLEMS, Problems
from gateway.adapters.config.schema import Either, Fields, Many, Names, Rule, WordOrNames
from gateway.adapters.config.tables import FILES
from gateway.adapters.config.yaml_text import Table, compose
from gateway.domain.settings import Settings
from tests.config.samples import shipped_files

SHIPPED = shipped_files()
FILE_NAMES = st.sampled_from(sorted(FILES))
ENVIRON = st.dictionaries(
    st.sampled_from(["IB_HOST", "IB_PORT", "IB_CLIENT_ID", "BINANCE_TESTNET", "IBKR_ACCOUNT_ID", "TRADING_MODE"]),
    st.sampled_from(["", "1", "7496", "true", "x", "-1", "9" * 50, "\x00", "é"]),
    max_size=3,
)

#: Words that mean something somewhere, and words that have broken parsers before.
KNOWN_WORDS = (
    "0 1 -1 0.5 20% 100% 1e3 1e-18 1e99 NaN .inf 0x1F 010 1_000 1,000 9999999999999999999 5s 100ms true no ON ~ null"
    " '' SHADOW CANARY LIVE ibkr IBKR binance simulator synthetic replay mock AAPL BTC/USDT ES EURUSD USD USDT EUR"
    " default 202612 XNYS 24/7 limit market trader admin 10.0.0.0/8 10.0.0.1/8 http://x embedded opa position *a &a !b"
    " << OneVenue.x limit 7497 DESK_URL webhook critical ccxt 1s account 24/5".split()
)
WORDS = st.sampled_from(KNOWN_WORDS) | st.text(max_size=8)


@pytest.fixture(autouse=True, scope="module")
def shipped_composed_once() -> Iterator[None]:
    """The five files that an example leaves alone are read from their YAML once, not hundreds of times."""
    problems = Problems()
    roots = {name: compose(name, data, problems) for name, data in SHIPPED.items()}
    assert not problems
    assert None not in roots.values()

    def compose_other(file: str, data: bytes, problems: Problems) -> Table | None:
        return roots[file] if data is SHIPPED.get(file) else compose(file, data, problems)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "compose", compose_other)
        yield


def often(times: int) -> settings:
    """More examples than the other properties have, because these are cheap; all the more in the deep profile."""
    return settings(max_examples=max(times, settings().max_examples), deadline=None)


def judge(files: Mapping[str, bytes], environ: Mapping[str, str]) -> Settings | None:
    """Parse, hold the answer to what is promised of every answer, and give the settings if it was those."""
    began = time.process_time()  # of this process: other work on the machine is not the parser's fault
    problems: tuple[ConfigProblem, ...] = ()
    result = None
    try:
        result = parse(files, environ)
    except ConfigInvalid as invalid:
        problems = invalid.problems
    assert time.process_time() - began < 5
    if result is None:
        assert 1 <= len(problems) <= MAX_PROBLEMS + 1
        assert all(problem.rule and str(problem).isprintable() for problem in problems)
        return None
    assert result.trading.revision == revision_of(result.trading)
    assert all(text.isprintable() for text in result.warnings)
    return result


@given(FILE_NAMES, st.binary(max_size=400), ENVIRON)
@often(200)
def test_any_bytes_in_any_file(name: str, data: bytes, environ: dict[str, str]) -> None:
    """Without it some file would end a reload, or a start, in a stack trace."""
    judge({**SHIPPED, name: data}, environ)


@given(FILE_NAMES, st.text(alphabet="ab:-[]{}\"'#&*!|>%@`,?~<= \n\t0.é\x85\u2028", max_size=120))
@often(300)
@example("gateway.yaml", "? [a]\n: b")
@example("gateway.yaml", "a: |2\n  b\n c")
@example("gateway.yaml", "%YAML 1.2\n---\n{}")
@example("gateway.yaml", "%TAG ! tag:x,2000:\n---\n{}\n...\n")
def test_any_yaml_like_text_in_any_file(name: str, text: str) -> None:
    """Without it some corner of YAML (block scalars, directives, odd line ends) would get through the parser."""
    judge({**SHIPPED, name: text.encode()}, {})


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, bytes]:
    """A shipped file after a few slips: lines lost, doubled, moved or indented, words replaced, bytes cut."""
    name = draw(FILE_NAMES)
    lines = SHIPPED[name].decode().split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        slip = draw(st.sampled_from(["lose", "double", "move", "indent", "value", "key", "comment"]))
        if slip == "lose" and len(lines) > 1:
            lines.pop(at)
        elif slip == "double":
            lines.insert(at, lines[at])
        elif slip == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        elif slip == "indent":
            lines[at] = draw(st.sampled_from([" ", "  ", "\t"])) + lines[at]
        elif slip == "value":
            lines[at] = lines[at].partition(":")[0] + ": " + draw(WORDS)
        elif slip == "key":
            lines[at] = draw(WORDS) + ":" + lines[at].partition(":")[2]
        else:
            lines[at] = lines[at].replace("#", "", 1)
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    return name, data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(edits())
@often(300)
def test_slips_in_the_shipped_files(edit: tuple[str, bytes]) -> None:
    """Without it an ordinary slip of the hand, or half a file, would end in a stack trace."""
    name, data = edit
    judge({**SHIPPED, name: data}, {})


def fits(kind: Kind, word: str) -> bool:
    try:
        kind.read(word)
    except Unfit:
        return False
    return True


def node(rule: Rule) -> st.SearchStrategy[Any]:
    """Trees of the right shape with any words in them: these get past the schema and into the rules."""
    if isinstance(rule, Kind):
        fitting = [word for word in KNOWN_WORDS if fits(rule, word)] or ["a" * 64]
        return st.integers(0, 19).flatmap(lambda n: WORDS if n == 0 else st.sampled_from(fitting))
    if isinstance(rule, Fields):
        keys = {key: node(item) for key, item in rule.keys.items()}
        required = {key: keys.pop(key) for key in rule.required}
        return st.fixed_dictionaries(required, optional=keys)
    if isinstance(rule, Names):
        return st.dictionaries(node(rule.name), node(rule.item), max_size=2)
    if isinstance(rule, Many):
        return st.lists(node(rule.item), max_size=3)
    if isinstance(rule, WordOrNames):
        return st.one_of(node(rule.word), node(rule.names))
    assert isinstance(rule, Either)
    return node(rule.mapping) | node(rule.listing)


TREES = st.fixed_dictionaries(
    {"gateway.yaml": node(FILES["gateway.yaml"])},
    optional={name: node(table) for name, table in FILES.items() if name != "gateway.yaml"},
)


@given(TREES, ENVIRON)
@often(250)
def test_any_values_under_the_right_keys(trees: dict[str, Any], environ: dict[str, str]) -> None:
    """Without it some mix of values that fit one by one would break a rule that looks at several, or the build."""
    files = {name: yaml.safe_dump(tree, allow_unicode=True).encode() for name, tree in trees.items()}
    judge(files, environ)


def test_the_generated_trees_are_not_all_refused() -> None:
    """Without it the test above could pass without ever reaching the build."""
    one = {"modes": {"global": "CANARY"}, "venues": {"IBKR": {"port": "1"}}, "symbols": ["BTC/USDT"]}
    assert judge({"gateway.yaml": yaml.safe_dump(one).encode()}, {}) is not None


FLOODS = {
    "unknown keys": ("gateway.yaml", "", 20_000, "k#: 1\n"),
    "unknown symbols": ("risk.yaml", "symbols:\n", 10_000, "  S#: {max_order_size: 1}\n"),
    "unknown accounts": ("risk.yaml", "accounts:\n", 15_000, "  a#: {}\n"),
    "blocked symbols": ("risk.yaml", "limits:\n  blocked_symbols:\n", 20_000, "    - X\n"),
    "a long number": ("risk.yaml", "limits: {max_leverage: " + "9" * 900_000 + "}", 0, ""),
    "a long word": ("gateway.yaml", "market_data: {source: " + "x" * 900_000 + "}", 0, ""),
    "a long key": ("gateway.yaml", '? "' + "k" * 900_000 + '"\n: 1\n', 0, ""),
    "instruments": ("instruments.yaml", "symbols:\n", 8_000, "  - S#\n"),
    "unknown venues": ("instruments.yaml", "symbols:\n", 8_000, "  - {symbol: S#, venue: v#}\n"),
    "wrong calendars": ("instruments.yaml", "symbols:\n", 8_000, "  - {symbol: S#, calendar: X}\n"),
    "one symbol again and again": ("instruments.yaml", "symbols:\n", 20_000, "  - AAPL\n"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_are_answered_quickly(name: str) -> None:
    """Without it a large or hostile file would hold up reloads: hints among thousands of names take time."""
    file, head, count, line = FLOODS[name]
    text = head + "".join(line.replace("#", str(number)) for number in range(count))
    judge({**SHIPPED, file: text.encode()}, {})
