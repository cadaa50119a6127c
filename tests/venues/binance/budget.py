"""Binance's counters: request weight per minute, orders per ten seconds and per day, and what follows when they are
used up (429, and 418 for those who do not stop)."""

from dataclasses import dataclass, field

from tests.venues.binance.errors import too_many

#: Weight of each operation when nothing else says so.
WEIGHTS = {
    "ping": 1,
    "time": 1,
    "instruments": 20,
    "depth": 5,
    "market": 2,
    "account": 20,
    "lookup": 4,
    "open_orders": 6,
    "all_orders": 20,
    "fills": 20,
    "place": 0,
    "replace": 0,
    "cancel": 0,
    "cancel_all": 0,
    "order_count": 40,
}


@dataclass
class Budget:
    """Set the limits low to see what a client does."""

    weight_per_minute: int = 6000
    orders_per_10s: int = 100
    orders_per_day: int = 160_000
    #: How often one may go on after 429 before the address is banned.
    strikes: int = 5
    banned_until_ms: int = 0
    used_weight: int = 0
    used_10s: int = 0
    used_day: int = 0
    _windows: dict[str, int] = field(default_factory=dict)
    _strikes: int = 0

    def spend(self, weight: int, now_ms: int) -> None:
        """Count one request, or refuse it."""
        self._roll(now_ms)
        self._check_ban(now_ms)
        self.used_weight += weight
        if self.used_weight > self.weight_per_minute:
            self._strikes += 1
            if self._strikes > self.strikes:
                self.banned_until_ms = now_ms + 120_000
                self._check_ban(now_ms)
            msg = (
                f"Too much request weight used; current limit is {self.weight_per_minute} request weight per 1 MINUTE."
            )
            raise too_many(-1003, msg, 60 - now_ms // 1000 % 60)

    def _check_ban(self, now_ms: int) -> None:
        if now_ms < self.banned_until_ms:
            msg = f"Way too much request weight used; IP banned until {self.banned_until_ms}."
            raise too_many(-1003, msg, (self.banned_until_ms - now_ms) // 1000 + 1, is_banned=True)

    def spend_order(self, now_ms: int) -> None:
        self._roll(now_ms)
        if self.used_10s >= self.orders_per_10s or self.used_day >= self.orders_per_day:
            limit = f"{self.orders_per_10s} orders per 10 SECOND"
            raise too_many(-1015, f"Too many new orders; current limit is {limit}.", 10 - now_ms // 1000 % 10)
        self.used_10s += 1
        self.used_day += 1

    def give_back_order(self) -> None:
        """An order that fills no longer counts as unfilled."""
        self.used_10s = max(0, self.used_10s - 1)
        self.used_day = max(0, self.used_day - 1)

    def headers(self) -> dict[str, str]:
        return {"X-MBX-USED-WEIGHT": str(self.used_weight), "X-MBX-USED-WEIGHT-1M": str(self.used_weight)}

    def order_headers(self) -> dict[str, str]:
        return {"X-MBX-ORDER-COUNT-10S": str(self.used_10s), "X-MBX-ORDER-COUNT-1D": str(self.used_day)}

    def limits(self) -> list[dict[str, object]]:
        """``rateLimits`` of exchangeInfo."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute),
            ("ORDERS", "SECOND", 10, self.orders_per_10s),
            ("ORDERS", "DAY", 1, self.orders_per_day),
            ("RAW_REQUESTS", "MINUTE", 5, 300_000),
        )
        return [
            {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
            for kind, interval, count, limit in rows
        ]

    def _roll(self, now_ms: int) -> None:
        for name, length_ms in (("weight", 60_000), ("10s", 10_000), ("day", 86_400_000)):
            window = now_ms // length_ms
            if self._windows.get(name) == window:
                continue
            self._windows[name] = window
            if name == "weight":
                self.used_weight = self._strikes = 0
            elif name == "10s":
                self.used_10s = 0
            else:
                self.used_day = 0
