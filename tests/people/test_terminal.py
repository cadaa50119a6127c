"""Tables and figures as a terminal shows them."""

import io

import pytest

from gateway.app.people.figures import age, amount, lasting, money, share, signed, time_of
from gateway.app.people.terminal import Cell, Terminal, clean, name, number, table, words

COLUMNS = (name("order"), number("quantity"), words("why"), name("venue", 2), name("account", 1))
ROWS = [["o-1", "1,000", "a long reason for which there is no room", "ibkr", "default"], ["o-2", "7", "", "ibkr", "x"]]


def test_without_a_terminal_nothing_is_cut_or_coloured() -> None:
    """Without this, a pipe into grep would search cut words among escape codes."""
    lines = table(COLUMNS, [[Cell("o-1", "bad"), *ROWS[0][1:]]], Terminal(io.StringIO()))
    assert lines == [
        "order  quantity  why                                       venue  account",
        "o-1       1,000  a long reason for which there is no room  ibkr   default",
    ]


@pytest.mark.parametrize("width", [20, 40, 50, 60, 70, 80])
def test_a_table_fits_and_says_what_it_leaves_out(width: int) -> None:
    """Without this, amounts would be cut in two by the terminal's edge, or be missing without a word."""
    lines = table(COLUMNS, ROWS, Terminal(io.StringIO(), width))
    rows = [line for line in lines if not line.startswith("left out")]
    assert all(len(line) <= max(width, len("order  quantity  why...")) for line in rows)
    assert "1,000" in rows[1]
    assert rows[1].startswith("o-1")
    for column in ("venue", "account"):
        assert (column in rows[0]) != (column in lines[-1] and lines[-1].startswith("left out"))


def test_what_a_venue_says_commands_no_terminal() -> None:
    """Without this, the text of a rejection could clear the screen, or show an order that there is not."""
    terminal = Terminal(io.StringIO(), 80, has_colours=True)
    evil = "\x1b[2Jfilled\r\n\u202eevil\x07"
    lines = table((words("why"),), [[Cell(evil, "bad")], [evil]], terminal)
    assert clean(evil) == "?[2Jfilled???evil?"
    assert lines[1:] == ["\x1b[31;1m?[2Jfilled???evil?\x1b[0m", "?[2Jfilled???evil?"]
    assert terminal.paint(evil, "") == clean(evil)


@pytest.mark.parametrize(
    ("environ", "is_terminal", "has_colours"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({}, False, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environ: dict[str, str], is_terminal: bool, has_colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, files and colour-blind eyes would get escape codes that nobody asked for."""
    out = io.StringIO()
    out.isatty = lambda: is_terminal  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdout", out)
    terminal = Terminal.of(environ)
    assert (terminal.has_colours, terminal.is_watched) == (has_colours, is_terminal)


def test_figures_are_exact_where_it_matters() -> None:
    """Without this, a fee would be shown as nothing, or a quantity lose its last digit."""
    assert [amount(one) for one in ("61799.155", "-1234567", "0.00000001", None, "1")] == [
        "61,799.155",
        "-1,234,567",
        "0.00000001",
        "–",
        "1",
    ]
    assert [money(one) for one in ("1234.567", "-0.015", "0.0004", "0", None)] == [
        "1,234.57",
        "-0.02",
        "0.0004",
        "0.00",
        "–",
    ]
    assert [signed("3"), signed("-3"), signed("0"), share("0.0417")] == ["+3.00", "-3.00", "0.00", "4.17%"]
    assert [lasting(one) for one in (0, 812, 4_215_069, 12_465_970, 2_500_000_000)] == [
        "0 ns",
        "812 ns",
        "4.22 ms",
        "12.5 ms",
        "2.5 s",
    ]


def test_moments_are_utc_and_old_ones_have_a_date() -> None:
    """Without this, yesterday's fill would look like today's."""
    now_ns = 1_795_009_600_000_000_000  # 2026-11-18T13:46:40Z
    assert time_of("2026-11-18T13:46:39.250123Z", now_ns) == "13:46:39.250"
    assert time_of("2026-11-17T23:59:59.999999Z", now_ns) == "2026-11-17 23:59:59"
    ages = [("2026-11-18T13:46:38.000000Z", "2 s"), ("2026-11-18T13:40:00.000000Z", "6 min"), (None, "–")]
    assert [age(moment, now_ns) for moment, _ in ages] == [words for _, words in ages]
