"""How a TWS can be told to misbehave. A fault stays set until it is taken back, unless it says otherwise."""

from dataclasses import dataclass, field


@dataclass
class TwsFaults:
    """``drop_before_place`` hangs up on the next order before it is taken, ``drop_after_place`` once it works: in both
    cases the client never hears. Both are spent by one order, and so is ``reject_next`` (the text of error 201).
    """

    drop_before_place: bool = False
    drop_after_place: bool = False
    reject_next: str = ""
    #: Seconds by which everything about orders is late.
    late_s: float = 0.0
    #: Every message about orders comes twice.
    doubled: bool = False
    #: After a fill, the status from before it is said once more (a stale Submitted after Filled).
    stale_status: bool = False
    #: Fills happen, and the stream does not tell: only reqExecutions does.
    lose_fills: bool = False
    #: Orders are taken and nothing is ever said of them.
    mute: bool = False
    #: Read-only API: orders are refused with error 321.
    read_only: bool = False
    #: What a cancel is answered with instead of being done (161, 10148 ...).
    refuse_cancel_code: int = 0
    #: What a modify is answered with instead of being done (104, 201, 10349 ...).
    refuse_modify_code: int = 0
    #: Changes are taken and go nowhere: the order fills before they arrive.
    is_deaf_to_changes: bool = False
    #: TWS itself has lost IB's servers (1100): orders are kept and sent on when it is back.
    is_cut_off: bool = False
    #: More messages in one second than this break the session after three strikes (error 100); 0 is no limit.
    messages_per_s: int = 50
    #: Symbols without prices, or without depth, and the error that says so.
    no_prices: dict[str, tuple[int, str]] = field(default_factory=dict)
    no_depth: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Prices are delayed by a quarter of an hour, which TWS says of each.
    is_delayed: bool = False
    #: The socket stays open and nothing is said of prices any more, nor what time it is.
    silent: bool = False
    #: The next row of a book is not told.
    lose_row: bool = False
