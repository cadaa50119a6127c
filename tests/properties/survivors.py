"""A gateway that is killed again and again: the real core, the real simulator, and what is on its way between them.

A kill takes the simulator, all that it was asked for and all that it had not told yet. What is left is the state, as
a checkpoint gives it back. In LIVE a second simulator plays the venue: it outlives the kills, and goes on meanwhile.
"""

import random
from decimal import Decimal

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.effects import CancelOrder, Effect, LookupOrder, OrderTicket, ReplaceOrder, SubmitOrder
from gateway.domain.enums import Mode, Route
from gateway.domain.events import GatewayStarted, LookupCompleted, ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.market import MarketUpdate, Quote, TradeTick
from gateway.domain.settings import SimulatorSettings
from tests.world import INSTRUMENTS, PRICES, World, trading_config

D = Decimal
SYMBOLS = ("AAPL", "TSLA")
MS = 1_000_000
#: Two reports of one moment may come far apart.
UNEVEN = SimulatorSettings(latency_jitter=D("0.9"))


class Survivor(World):
    def __init__(self, mode: Mode, rng: random.Random) -> None:
        self.rng = rng
        self.route = Route.LIVE if mode is Mode.LIVE else Route.SHADOW
        self.effects: list[Effect] = []
        self.simulator = MatchingModel(INSTRUMENTS, UNEVEN)
        self.venue = MatchingModel(INSTRUMENTS, UNEVEN)
        #: All that the venue has said, by order.
        self.said: dict[str, list[ExecutionReport]] = {}
        super().__init__(trading_config(mode, weight_bp=10_000))
        self.px = dict(PRICES)
        for symbol in SYMBOLS:
            self.move(symbol, self.px[symbol])

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, SubmitOrder | CancelOrder | ReplaceOrder | LookupOrder):
            self.effects.append(effect)
        super()._carry_out(effect)

    # --- what happens ------------------------------------------------------------------------

    def hand_over(self) -> None:
        """Effects leave."""
        effects, self.effects = self.effects, []
        for effect in effects:
            ticket = effect.ticket  # type: ignore[union-attr]
            model = self.venue if ticket.route is Route.LIVE else self.simulator
            match effect:
                case SubmitOrder():
                    model.submit(ticket, self.now_ns)
                case CancelOrder():
                    model.cancel(ticket, self.now_ns)
                case ReplaceOrder():
                    model.replace(ticket, effect.order_qty, effect.limit_px, effect.stop_px, self.now_ns)
                case LookupOrder():
                    self._look_up(ticket)

    def _look_up(self, ticket: OrderTicket) -> None:
        if ticket.route is Route.LIVE:
            self._hear_venue()
            reports = tuple(self.said.get(ticket.order_id, ()))
            is_known = bool(reports)
        else:
            reports, is_known = self.simulator.look_up(ticket, self.now_ns), True
        if ticket.is_twin:
            self._tell(reports)
        else:
            self.send(
                LookupCompleted(
                    ts_ns=self.now_ns,
                    order_id=ticket.order_id,
                    is_known=is_known,
                    reports=reports,
                    since_ns=1,
                    as_of_ns=self.now_ns,
                )
            )

    def _tell(self, reports: tuple[ExecutionReport, ...]) -> None:
        if reports:
            self.send(ReportsReceived(ts_ns=self.now_ns, reports=reports))

    def _hear_venue(self) -> tuple[ExecutionReport, ...]:
        reports = self.venue.advance(self.now_ns)
        for report in reports:
            self.said.setdefault(report.order_id, []).append(report)
        return reports

    def wait(self, ms: float) -> None:
        """Time passes, and what arrives is heard millisecond by millisecond."""
        end_ns = self.now_ns + int(ms * MS)
        while self.now_ns < end_ns:
            due = [one for one in (self.simulator.next_due_ns, self.venue.next_due_ns) if one is not None]
            self.now_ns = min([end_ns, *(max(one, self.now_ns + 1) for one in due)])
            self.hand_over()
            self._tell(self.simulator.advance(self.now_ns))
            self._tell(self._hear_venue())
        self.hand_over()

    def settle(self) -> None:
        for _ in range(8):
            self.wait(40)

    def see(self, update: MarketUpdate, *, is_down: bool = False) -> None:
        self.venue.on_market(update, self.now_ns)
        if not is_down:
            self.simulator.on_market(update, self.now_ns)

    def move(self, symbol: str, px: Decimal, *, is_down: bool = False) -> None:
        """The market is at ``px``, and trades there."""
        self.px[symbol] = px
        self.prices[symbol] = px
        qty = D(self.rng.choice([1, 3, 7, 100]))
        tick = D("0.01")
        self.see(Quote(symbol, px - tick, qty, px + tick, qty, px, None, self.now_ns, self.now_ns), is_down=is_down)
        self.see(TradeTick(symbol, px, qty, self.now_ns, self.now_ns, self.rng.random() < 0.5), is_down=is_down)

    def kill(self, away_ms: float) -> None:
        """Everything in memory is gone; a start comes ``away_ms`` later."""
        self.effects.clear()
        self.asked.clear()
        self.state = decode_snapshot(encode_snapshot(self.state))
        self.simulator = MatchingModel(INSTRUMENTS, UNEVEN)
        self.now_ns += int(away_ms * MS)
        if self.rng.random() < 0.7:
            for symbol in SYMBOLS:
                self.move(symbol, self.px[symbol] * self.rng.randint(80, 120) // 100, is_down=True)
        self._hear_venue()
        if self.rng.random() < 0.5:
            for symbol in SYMBOLS:
                self.move(symbol, self.px[symbol])
        self.send(GatewayStarted(ts_ns=self.tick(), version="test"))
        self.hand_over()
