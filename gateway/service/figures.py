"""Samples prices and keeps the statistics of risk current, apart from the order path.

The work is done on the event loop in slices of well under a millisecond: in a thread it would hold the interpreter
for longer stretches than that, in the middle of orders. What comes out enters the core as an event like any other.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal

from gateway.core.risk.figures import RiskFigures, TailRisk
from gateway.core.state import GatewayState
from gateway.domain.config import FigureSampling, TradingConfig
from gateway.domain.events import FiguresObserved
from gateway.domain.instruments import Instrument
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.engine import Engine
from gateway.service.risk_statistics import Return, correlation, returns_of, tail_risk, volatility
from gateway.service.tasks import TaskGroup
from gateway.service.views import mid_px

_NS_PER_S = 1_000_000_000
#: Trading seconds of a day: around the clock, futures (23 hours), and a stock exchange (6.5 hours).
_AROUND_THE_CLOCK_S, _FUTURES_S, _STOCKS_S = 86_400, 82_800, 23_400
_PAIRS_PER_SLICE = 4

#: Values of what is held, base currency, by book, account and symbol.
Holdings = dict[str, dict[str, dict[str, Decimal]]]


class FigureKeeper:
    """``tick`` does what is due; called by the timers. The window of samples is memory only: it starts empty."""

    def __init__(self, engine: Engine, market: MarketData, clock: Clock, tasks: TaskGroup) -> None:
        self._engine = engine
        self._market = market
        self._clock = clock
        self._tasks = tasks
        self._prices: dict[str, deque[float | None]] = {}
        self._sampled_ns = self._computed_ns = 0
        self._running: asyncio.Task[None] | None = None

    def tick(self) -> None:
        now_ns, sampling = self._clock.now_ns(), self._engine.state.config.figures
        if now_ns - self._sampled_ns >= sampling.sample_every_s * _NS_PER_S:
            self._sampled_ns = now_ns
            self._sample(now_ns, sampling)
        if now_ns - self._computed_ns < sampling.compute_every_s * _NS_PER_S:
            return
        if self._running is None or self._running.done():
            self._computed_ns = now_ns
            self._running = self._tasks.spawn(self.compute(now_ns), "risk figures")

    def _sample(self, now_ns: int, sampling: FigureSampling) -> None:
        """One more price of every symbol; none where the last quote is older than a period: its market is closed."""
        length = len(next(iter(self._prices.values()), ()))
        wanted = _symbols(self._engine.state, sampling.max_symbols)
        kept: dict[str, deque[float | None]] = {}
        for symbol in wanted:
            prices = self._prices.get(symbol)
            if prices is None or prices.maxlen != sampling.window + 1:
                before = [None] * length if prices is None else prices
                prices = deque(before, maxlen=sampling.window + 1)
            quote = self._market.quote(symbol)
            px = None
            if quote is not None and now_ns - quote.received_ns <= sampling.sample_every_s * _NS_PER_S:
                px = mid_px(quote)
            prices.append(None if px is None else float(px))
            kept[symbol] = prices
        self._prices = kept

    async def compute(self, now_ns: int) -> None:
        """Work out all figures from the samples and holdings of this moment, and hand them to the core."""
        state, sampling = self._engine.state, self._engine.state.config.figures
        holdings = _holdings(state)
        per_day = _periods_per_day(state, self._prices, sampling.sample_every_s)
        returns = {symbol: returns_of(list(prices)) for symbol, prices in self._prices.items()}
        found: dict[str, Decimal] = {}
        for symbol, series in returns.items():
            daily = volatility(series, sampling.min_samples, per_day[symbol])
            if daily is not None:
                found[symbol] = daily
            await asyncio.sleep(0)
        held = {symbol for accounts in holdings.values() for values in accounts.values() for symbol in values}
        correlations = await _correlations(returns, held & found.keys(), list(found), sampling.min_samples)
        figures = RiskFigures(
            as_of_ns=now_ns,
            volatility=found,
            correlations=correlations,
            sample_counts={symbol: sum(one is not None for one in returns[symbol]) for symbol in found},
            tail_risk=await _tail_risks(holdings, returns, per_day, sampling.min_samples),
            gateway_tail_risk=await _gateway_tail_risk(holdings, returns, per_day, sampling.min_samples),
        )
        if figures.volatility or figures.tail_risk:
            self._engine.process(FiguresObserved(ts_ns=self._clock.now_ns(), figures=figures))


def _symbols(state: GatewayState, max_symbols: int) -> list[str]:
    """What is worth sampling: first what is held, then what was ever traded, then the rest as configured."""
    held: dict[str, None] = {}
    traded: dict[str, None] = {}
    for book in state.books.values():
        for position in book.positions.values():
            (held if position.qty else traded)[position.symbol] = None
    wanted = {**held, **traded, **dict.fromkeys(state.config.instruments)}
    return [symbol for symbol in wanted if symbol in state.config.instruments][:max_symbols]


def _holdings(state: GatewayState) -> Holdings:
    found: Holdings = {}
    for route, book in state.books.items():
        for position in book.positions.values():
            if position.qty:
                values = found.setdefault(route.value, {}).setdefault(position.account, {})
                values[position.symbol] = values.get(position.symbol, Decimal(0)) + position.value
    return found


def _periods_per_day(state: GatewayState, symbols: Mapping[str, object], period_s: int) -> dict[str, float]:
    instruments = state.config.instruments
    return {symbol: _day_s(instruments.get(symbol), state.config) / period_s for symbol in symbols}


def _day_s(instrument: Instrument | None, config: TradingConfig) -> int:
    """For how long a symbol trades in a day. A market that was not made by anyone never closes."""
    if instrument is None or not config.has_real_prices(instrument.venue) or instrument.calendar in ("24/7", "24/5"):
        return _AROUND_THE_CLOCK_S
    return _FUTURES_S if instrument.asset_class == "future" else _STOCKS_S


async def _correlations(
    returns: Mapping[str, list[Return]], held: set[str], symbols: list[str], min_samples: int
) -> dict[str, dict[str, Decimal]]:
    """Of every pair with at least one symbol that is held: what a limit on correlated positions asks for."""
    found: dict[str, dict[str, Decimal]] = {}
    for count, (first, second) in enumerate(_pairs(sorted(symbols), held)):
        rho = correlation(returns[first], returns[second], min_samples)
        if rho is not None:
            found.setdefault(first, {})[second] = rho
        if count % _PAIRS_PER_SLICE == 0:
            await asyncio.sleep(0)
    return found


def _pairs(symbols: list[str], held: set[str]) -> Iterator[tuple[str, str]]:
    for index, first in enumerate(symbols):
        for second in symbols[index + 1 :]:
            if first in held or second in held:
                yield first, second


async def _tail_risks(
    holdings: Holdings, returns: Mapping[str, list[Return]], per_day: Mapping[str, float], min_samples: int
) -> dict[str, dict[str, TailRisk]]:
    found: dict[str, dict[str, TailRisk]] = {}
    for book, accounts in holdings.items():
        for account, values in accounts.items():
            risk = await _tail_risk(values, returns, per_day, min_samples)
            if risk is not None:
                found.setdefault(book, {})[account] = risk
    return found


async def _gateway_tail_risk(
    holdings: Holdings, returns: Mapping[str, list[Return]], per_day: Mapping[str, float], min_samples: int
) -> dict[str, TailRisk]:
    found: dict[str, TailRisk] = {}
    for book, accounts in holdings.items():
        whole: dict[str, Decimal] = {}
        for values in accounts.values():
            for symbol, value in values.items():
                whole[symbol] = whole.get(symbol, Decimal(0)) + value
        risk = await _tail_risk(whole, returns, per_day, min_samples)
        if risk is not None:
            found[book] = risk
    return found


async def _tail_risk(
    values: Mapping[str, Decimal], returns: Mapping[str, list[Return]], per_day: Mapping[str, float], min_samples: int
) -> TailRisk | None:
    """From the periods in which everything held has a return: a position that is not sampled leaves it unknown.

    The day is the longest of any symbol held, which never understates.
    """
    pnls: list[Return] | None = None
    for symbol, value in values.items():
        if symbol not in returns:
            return None
        own = [None if one is None else float(value) * one for one in returns[symbol]]
        pnls = (
            own if pnls is None else [None if a is None or b is None else a + b for a, b in zip(pnls, own, strict=True)]
        )
        await asyncio.sleep(0)
    known = [pnl for pnl in pnls or () if pnl is not None]
    return tail_risk(known, min_samples, max((per_day[symbol] for symbol in values), default=0.0))
