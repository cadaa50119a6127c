"""How much each benchmark does: in full, or just enough to see that it works."""

import msgspec


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    warm_up_s: float = 3.0
    rounds: int = 15
    round_s: float = 2.0
    open_rate: int = 1_000
    open_s: int = 30
    symbols: int = 500
    bare_commits: int = 2_000
    decisions: int = 20_000
    gate_positions: int = 500
    gate_instruments: int = 5_000
    gate_orders: int = 4_000
    gate_rounds: int = 5
    demotions: int = 5
    demotion_s: int = 6
    facts: int = 1_000_000
    is_worst_restart: bool = True
    restart_load_s: int = 10
    restart_rounds: int = 2
    memory_orders: int = 100_000
    profile_orders: int = 20_000
    stream_rates: tuple[int, ...] = (1_000, 300)
    stream_s: int = 10
    stream_rounds: int = 3
    page_opens: int = 9
    #: Ten orders a second for an hour.
    page_orders: int = 36_000
    page_seconds: int = 3_600


FULL = Sizes()
#: A smoke test: the figures mean nothing.
QUICK = Sizes(
    warm_up_s=0.5,
    rounds=1,
    round_s=1.0,
    open_s=2,
    bare_commits=100,
    decisions=500,
    gate_positions=20,
    gate_instruments=200,
    gate_orders=200,
    gate_rounds=1,
    demotions=1,
    demotion_s=2,
    facts=20_000,
    is_worst_restart=False,
    restart_load_s=1,
    restart_rounds=1,
    memory_orders=2_000,
    profile_orders=1_000,
    stream_rates=(300,),
    stream_s=1,
    stream_rounds=1,
    page_opens=2,
    page_orders=500,
    page_seconds=30,
)
