"""The benchmarks themselves: the one without processes runs, and the table has its shape. No figure is judged."""

from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.http import HttpServer
from gateway.service.feed import Feed
from gateway.service.tasks import TaskGroup
from tests.bench import decision, gate, replayed_day
from tests.bench.figures import MET, MISSED, Figure, quantile, table
from tests.bench.http_client import ResponseReader
from tests.bench.sizes import QUICK
from tests.bench.stage import Stage
from tests.bench.workload import DEFAULT_SYMBOLS, STRATEGIES, Symbol, Workload, synthetic_symbols
from tests.fakes.journal import MemoryJournal


def test_decision_benchmark_gives_two_figures_with_targets(tmp_path: Path) -> None:
    """Without this, the figures that a release is judged by could vanish from the table, or the benchmark leave its
    data behind."""
    with Stage(tmp_path) as stage:
        report = decision.run(stage, QUICK)
    judged = report.figures[:2]
    assert [figure.name for figure in judged] == ["decision alone, p50", "decision alone, p99"]
    assert all(figure.target and figure.reached and figure.verdict in (MET, MISSED) for figure in judged)
    assert report.notes
    assert not list(tmp_path.iterdir()), "the stage removes what it made"


def test_gate_benchmark_passes_every_order_and_judges_three_figures(tmp_path: Path) -> None:
    """Without this, a limit that the benchmark does not know could deny its orders, and it would time denials."""
    with Stage(tmp_path) as stage:
        report = gate.run(stage, QUICK)
    assert [figure.verdict in (MET, MISSED) for figure in report.figures] == [True] * 3


def test_table_has_a_line_for_each_figure_in_aligned_columns() -> None:
    """Without this, a long name would push a missed target out of its column, where nobody looks for it."""
    figures = [Figure("a", "<= 1 us", "2 us", False), Figure("long name", "", "3", None), Figure("b", "1", "1", True)]
    lines = table(figures).splitlines()
    assert lines[0].split() == ["figure", "target", "reached", "verdict"]
    assert len(lines) == 2 + len(figures)
    column = lines[0].index("reached")
    assert [line[column:].split()[0] for line in lines[2:]] == ["2", "3", "1"]
    assert lines[2].endswith(MISSED)
    assert lines[4].endswith(MET)


@pytest.mark.parametrize("symbols", [DEFAULT_SYMBOLS, synthetic_symbols(500)], ids=["default", "synthetic"])
def test_every_pair_of_turns_buys_and_sells_the_same(symbols: tuple[Symbol, ...]) -> None:
    """Without this, positions would grow over a run, and a later order cost something else than an early one."""
    workload = Workload(symbols, "t")
    assert workload.pairs % STRATEGIES == 0
    for number in range(0, 8 * workload.pairs, workload.pairs // 7):
        turn, pair = divmod(number, workload.pairs)
        first = workload.body(2 * (turn // 2) * workload.pairs + pair)
        second = workload.body((2 * (turn // 2) + 1) * workload.pairs + pair)
        assert {b'"buy"' in first, b'"buy"' in second} == {True, False}
        assert (b'"market"' in first, b'"ioc"' in first) == (b'"market"' in second, b'"ioc"' in second)


def test_client_order_ids_are_unique() -> None:
    """Without this, an order could be answered as a repeat, which costs nothing and flatters the figures."""
    workload = Workload(DEFAULT_SYMBOLS, "t")
    bodies = {workload.body(number) for number in range(10_000)}
    assert len(bodies) == 10_000


def test_reader_finds_the_end_of_a_response_however_it_is_cut() -> None:
    """Without this, the client that the load comes from would take half a response for one, and time that."""
    response = b"HTTP/1.1 422 X\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\nhello"
    for cut in range(1, len(response)):
        reader = ResponseReader()
        assert reader.feed(response[:cut]) == 0
        assert reader.feed(response[cut:]) == 422
        assert reader.response == response


def test_quantile_of_sorted_values() -> None:
    """Without this, every p99 of the table would be the value beside it."""
    values = [float(value) for value in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (51.0, 100.0, 100.0)


async def test_the_day_that_is_played_to_the_page_has_a_server() -> None:
    """Without this, ``make page-bench`` would only find out in the process that it starts that the server of today is
    made otherwise."""
    recorded: Any = MemoryJournal()
    tasks = TaskGroup()
    server = replayed_day.served(replayed_day.Played(recorded), Feed(recorded, 0), tasks)
    assert isinstance(server, HttpServer)
    await tasks.close()
