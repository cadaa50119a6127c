"""Every metric of the gateway: what it counts, in which unit, and what it means when it rises.

The metrics are registered from this table and ``docs/metrics.md`` is written from it, so neither can drift.
An order id is never a label: there would be one series per order, for ever.
"""

from enum import StrEnum

import msgspec


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. ``is_read`` marks what is read from the gateway's state at each scrape instead of being pushed
    along the way of an order."""

    name: str
    kind: MetricKind
    unit: str
    help: str
    rising: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    is_read: bool = False


#: From 25 microseconds to a second: an order spends tens of microseconds here, a slow disk a hundred thousand.
FAST = (
    0.000025,
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)
#: From a millisecond to an hour: a market order fills at once, a resting one when the market comes.
FILL = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0)
BATCH = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


def _counter(name: str, help: str, rising: str, *labels: str, unit: str = "1", is_read: bool = False) -> Metric:
    return Metric(
        name=name, kind=MetricKind.COUNTER, unit=unit, help=help, rising=rising, labels=labels, is_read=is_read
    )


def _histogram(
    name: str, help: str, rising: str, *labels: str, unit: str = "seconds", buckets: tuple[float, ...] = FAST
) -> Metric:
    return Metric(
        name=name, kind=MetricKind.HISTOGRAM, unit=unit, help=help, rising=rising, labels=labels, buckets=buckets
    )


def _gauge(name: str, help: str, rising: str, *labels: str, unit: str = "1", is_read: bool = True) -> Metric:
    return Metric(name=name, kind=MetricKind.GAUGE, unit=unit, help=help, rising=rising, labels=labels, is_read=is_read)


CATALOGUE: tuple[Metric, ...] = (
    _counter(
        "gateway_orders_total",
        "Orders by what became of them. One order is counted as admitted or denied, and once more when it ends.",
        "admitted: business. denied or rejected: limits, policy or the venue refuse; `reason` says which.",
        "venue",
        "mode",
        "outcome",
        "reason",
    ),
    _counter("gateway_fills_total", "Executions booked.", "Orders trade.", "venue", "route"),
    _histogram(
        "gateway_first_fill_seconds",
        "Time from an order's creation to its first fill.",
        "Orders wait longer: passive prices, a slow venue, or a market that moved away.",
        "venue",
        "route",
        buckets=FILL,
    ),
    _histogram(
        "gateway_order_stage_seconds",
        "Time one order spent in one stage: decide, journal, total (from the request to its encoded reply).",
        "The gateway or its disk is getting slower.",
        "venue",
        "stage",
    ),
    _counter(
        "gateway_deferred_requests_total",
        "Requests that were told to come again: over the message rate of a scope, or one of our own orders in the way.",
        "A strategy sends more than it may, or one that is told to wait does not.",
        "reason",
        "scope",
        is_read=True,
    ),
    _counter(
        "gateway_drop_copy_executions_total",
        "Executions of a drop copy that were compared: matched, differs, missing, pending or too_old.",
        "matched: business. differs or missing: the book is not what the venue did; its symbol is reduced.",
        "venue",
        "result",
        is_read=True,
    ),
    _gauge(
        "gateway_locked_strategies",
        "Strategies that take no new risk until a person lets them.",
        "A strategy was applied so often that it was locked; see `GET /api/trading/locks`.",
        "route",
        unit="strategies",
    ),
    _counter(
        "gateway_policy_decisions_total",
        "Policy answers: allow, deny, or why there was none (unavailable, undefined, malformed, other).",
        "allow: business. deny: the policy refuses. Anything else: the policy engine is in trouble; orders are denied.",
        "decision",
    ),
    _histogram("gateway_policy_seconds", "Time the policy took to answer.", "Policies got slower."),
    _histogram("gateway_journal_commit_seconds", "Time to make one batch durable.", "The disk is getting slower."),
    _histogram(
        "gateway_journal_batch_records",
        "Records made durable together.",
        "More orders at once, or a slower disk.",
        unit="records",
        buckets=BATCH,
    ),
    _counter(
        "gateway_journal_failures_total",
        "Batches that could not be made durable.",
        "The disk is full or broken; the gateway stops admitting orders.",
    ),
    _gauge(
        "gateway_mode",
        "1 for the effective mode of each venue, 0 for its other modes.",
        "A venue changed its mode.",
        "venue",
        "mode",
    ),
    _gauge(
        "gateway_canary_weight_ratio",
        "Configured live share of each venue's new positions.",
        "More real money at that venue.",
        "venue",
        unit="ratio",
    ),
    _gauge(
        "gateway_canary_measured_ratio",
        "Live share that was really drawn.",
        "Compare with the weight: a lasting difference means caps, or too few positions yet.",
        "venue",
        unit="ratio",
    ),
    _gauge(
        "gateway_config_last_reload_successful",
        "1 when the newest configuration is in force, 0 when it was refused.",
        "A refused configuration was mended.",
        is_read=False,
    ),
    _gauge(
        "gateway_config_last_reload_success_timestamp_seconds",
        "When a configuration was last taken into force.",
        "The configuration changed.",
        unit="seconds since the epoch",
        is_read=False,
    ),
    _gauge(
        "gateway_config_waiting",
        "1 while an edit of the configuration waits for approval, because it loosens limits.",
        "Somebody made an edit that a key with role risk or admin has to approve.",
    ),
    _gauge(
        "gateway_config_revision_info",
        "1 for the configuration revision in force.",
        "The configuration changed.",
        "revision",
    ),
    _gauge(
        "gateway_exposure",
        "Exposure in the base currency, by kind (gross, net, held).",
        "More at risk.",
        "book",
        "account",
        "kind",
        unit="base currency",
    ),
    _gauge(
        "gateway_equity",
        "Cash and positions in the base currency, at the last marks.",
        "Money was made, or paid in.",
        "book",
        "account",
        unit="base currency",
    ),
    _gauge(
        "gateway_pnl",
        "Profit and loss in the base currency, by period (total, day).",
        "Money was made.",
        "book",
        "account",
        "period",
        unit="base currency",
    ),
    _gauge(
        "gateway_drawdown_ratio",
        "How far equity is below its peak, as a share of the peak.",
        "Money is being lost.",
        "book",
        "account",
        unit="ratio",
    ),
    _gauge(
        "gateway_tail_risk",
        "What may be lost in a day: value at risk (var) and expected shortfall (es), historical or parametric.",
        "More at risk, or livelier markets. Absent while there are too few samples.",
        "book",
        "account",
        "figure",
        "method",
        "confidence",
        unit="base currency",
    ),
    _gauge(
        "gateway_risk_figures_timestamp_seconds",
        "When volatilities, correlations and tail risk were last computed; 0 when they never were.",
        "They are current. Not rising: no prices, or too few samples.",
        unit="seconds since the epoch",
    ),
    _gauge(
        "gateway_limit_use_ratio",
        "Share of each limit in use; 1 is the limit.",
        "Orders will be denied at 1.",
        "scope",
        "limit",
        unit="ratio",
    ),
    _gauge(
        "gateway_in_doubt_orders",
        "Orders that were sent and whose fate is not known.",
        "A venue does not answer; the exposure of these orders stays held.",
        unit="orders",
    ),
    _gauge(
        "gateway_trading_state",
        "1 for the trading state of the whole gateway, 0 for the others.",
        "halted or reducing: somebody stopped trading.",
        "state",
    ),
    _gauge(
        "gateway_trading_stops",
        "Scopes in which trading is halted or reduced, by kind of scope.",
        "Above 0: GET /api/trading/trading lists them, with who and why.",
        "scope",
        "state",
    ),
    _gauge(
        "gateway_circuit_breaker_tripped",
        "1 while a circuit breaker is tripped in a book, 0 while it is armed.",
        "1: GET /api/trading/circuit-breakers says what it measured, what it stops and how it resets.",
        "breaker",
        "book",
    ),
    _gauge("gateway_ready", "1 when orders are taken.", "The gateway recovered."),
    _gauge(
        "gateway_connection_up",
        "1 when the connection to a venue or market data source stands.",
        "A connection came back.",
        "name",
        "kind",
    ),
    _gauge(
        "gateway_connection_lost_seconds",
        "Time for which a connection that the gateway needs has been down; 0 while it stands.",
        "A venue cannot be reached: its orders are not sent, and cancels wait.",
        "name",
        "kind",
        unit="seconds",
    ),
    _counter(
        "gateway_http_requests_total",
        "Requests answered, by path template and status.",
        "2xx: business. 4xx: clients err. 5xx: the gateway fails.",
        "path_template",
        "status",
        is_read=True,
    ),
    _counter(
        "gateway_http_auth_failures_total",
        "Callers refused: no key, unknown key, wrong network, origin or role.",
        "A client lost its key, or somebody is trying keys.",
        "reason",
        is_read=True,
    ),
    _gauge("gateway_open_streams", "Open WebSockets.", "More clients, or clients that reconnect.", "stream"),
)

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in CATALOGUE}
