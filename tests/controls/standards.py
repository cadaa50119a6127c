"""The controls that regulators and trading desks name, and how this gateway meets each.

RTS 6 and 7 are the Delegated Regulations (EU) 2017/589 and 2017/584, 15c3-5 is the SEC's market access rule, FIA the
Best Practices for Automated Trading Risk Controls and System Safeguards (2024), CFTC the concept release of 2013
(78 FR 56541), FIX 1530 the field RiskLimitType. Rows of ``controls`` name the numbers that they serve.
"""

import msgspec


class Standard(msgspec.Struct, frozen=True):
    """One control. ``elsewhere`` says how it is met by something that is no row of ``controls``; empty when it
    is not, or by rows alone."""

    number: int
    name: str
    source: str
    elsewhere: str = ""


STANDARDS: tuple[Standard, ...] = (
    Standard(1, "maximum order size", "RTS 6 Art. 15(1)(c)"),
    Standard(2, "maximum order value", "RTS 6 Art. 15(1)(b)"),
    Standard(3, "price collar, per order and over a time window", "RTS 6 Art. 15(1)(a)"),
    Standard(4, "maximum messages", "RTS 6 Art. 15(1)(d)"),
    Standard(
        5,
        "sent orders count at once",
        "RTS 6 Art. 15(2)",
        "the exposure of an order is held from its first check on, at worst (`gateway/core/risk/exposure.py`)",
    ),
    Standard(6, "repeated automated execution throttle", "RTS 6 Art. 15(3)"),
    Standard(7, "market and credit risk limits", "RTS 6 Art. 15(4)"),
    Standard(
        8,
        "no order without permission for the instrument",
        "RTS 6 Art. 15(5)",
        "keys are bound to accounts and strategies (`principals.yaml`)",
    ),
    Standard(
        9,
        "controlled override",
        "RTS 6 Art. 15(6); RTS 7 Art. 20(2)(d)",
        "`POST /api/trading/overrides`: named rules, certain orders, a short time, never by the key that orders, "
        "journaled (`gateway/core/overrides.py`)",
    ),
    Standard(10, "pre-set credit or capital threshold", "15c3-5(c)(1)(i)"),
    Standard(11, "erroneous orders", "15c3-5(c)(1)(ii)"),
    Standard(
        12,
        "duplicate orders",
        "15c3-5(c)(1)(ii)",
        "the same `client_order_id` never makes a second order (`gateway/service/intake.py`)",
    ),
    Standard(13, "regulatory checks and restricted securities before entry", "15c3-5(c)(2)(i-ii)"),
    Standard(
        14,
        "access control, direct and exclusive control of limits",
        "15c3-5(c)(2)(iii), (d)",
        "API keys with roles; limits change by files on the gateway's own disk, each change journaled, and what "
        "loosens one waits for the approval of a key with role risk (`gateway/core/loosening.py`)",
    ),
    Standard(15, "maximum intraday position", "FIA"),
    Standard(16, "self-match prevention", "FIA"),
    Standard(17, "market-data reasonability", "FIA; CFTC"),
    Standard(18, "execution throttle", "CFTC; FIX 1530=14, 17"),
    Standard(19, "fill-ratio limits", "FIX 1530=15, 16"),
    Standard(20, "participation in average daily volume", "SGX 4.10.1(b)"),
    Standard(
        21,
        "kill switch",
        "RTS 6 Art. 12; FIA",
        "`POST /api/trading/trading/disable` halts and cancels every open order; cancels always pass",
    ),
    Standard(22, "cancel on disconnect", "FIA"),
    Standard(23, "reduce-only state", "FIA"),
    Standard(24, "trading pause and circuit breakers", "FIA; CFTC"),
    Standard(25, "drop-copy reconciliation", "FIA"),
    Standard(
        26,
        "post-trade credit limits",
        "FIA",
        "every fill moves positions, margin and P&L at once; the breakers on daily loss, drawdown and concentration "
        "act on what was traded, and a limit that is exceeded is told (`GET /api/trading/risk`)",
    ),
    Standard(
        27,
        "error trades",
        "FIA",
        "a bust or correction takes an execution back or alters it as if it had been so from the start "
        "(`gateway/core/ledger/revision.py`)",
    ),
    Standard(
        28,
        "post-trade reports to surveillance at once",
        "15c3-5(c)(2)(iv)",
        "every fill is on the event stream as soon as it is durable (`/api/trading/ws/events`)",
    ),
    Standard(
        29,
        "real-time monitoring",
        "RTS 6 Art. 16; RTS 7",
        "metrics and the event stream (`/metrics`, `/api/trading/ws/events`)",
    ),
    Standard(
        30,
        "limits can be changed intraday",
        "RTS 7 Art. 20",
        "an edit of `risk.yaml` counts within a second; one that cannot be used leaves the last good one in force",
    ),
    Standard(
        31,
        "testing, staged and limited go-live",
        "RTS 6 Art. 5-8",
        "SHADOW, CANARY and LIVE with caps on what a canary may risk (`rollout.yaml`)",
    ),
    Standard(
        32,
        "annual review",
        "15c3-5(e); RTS 6 Art. 9",
        "the firm's own; this page, `GET /api/trading/risk` and the journal (`gateway replay`) are what it reviews",
    ),
    Standard(
        33,
        "record keeping",
        "RTS 6 Art. 28",
        "every order, decision and change is in the hash-chained journal (`gateway audit verify`)",
    ),
)
