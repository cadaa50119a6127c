"""The whole configuration of a gateway as plain data: what decisions read, and where things listen and lie.

One default per setting, here and nowhere else. Parsing and checking YAML is the business of ``adapters/config``.
Secrets are not settings: the adapter that needs one reads it from the environment.
"""

from decimal import Decimal

import msgspec

from gateway.domain.candidates import CandidateGates
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the HTTP server listens. With no key configured it binds loopback only, and refuses to
    start anywhere else.

    At most ``max_connections`` are open, and as many streams; the whole head of a request has to come within
    ``head_timeout_s``, the next one within ``keep_alive_s``.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: str = ""
    tls_key: str = ""
    max_body_bytes: int = 65_536
    max_connections: int = 1_000
    head_timeout_s: int = 15
    keep_alive_s: int = 3_600


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The journal. A checkpoint is written every ``checkpoint_every`` records and at a clean stop; every
    ``audit_every_s`` seconds (0: never) the whole journal is verified, in a process of its own."""

    checkpoint_every: int = 50_000
    max_batch: int = 512
    audit_every_s: int = 86_400


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine decides, and from which folder (relative to gateway.yaml). ``timeout_ms`` bounds a server."""

    engine: str = "embedded"
    path: str = "../policies"
    url: str = "http://127.0.0.1:8181"
    timeout_ms: int = 100


class CandidateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that run beside the enforced ones and change nothing: a policy folder, a file like ``risk.yaml``, or both
    (relative to gateway.yaml; empty: the enforced ones)."""

    policies: str = ""
    limits: str = ""
    gates: CandidateGates = CandidateGates()


class MarketDataSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where prices come from: ``synthetic``, ``replay`` of a recorded feed, or a venue's name.

    ``source`` is that of all venues but those that ``sources`` names; empty where it names them all.
    ``stale_after_ms`` is the age from which a quote is called stale. ``speed`` plays a recording that many times
    faster (0: as fast as possible), ``loop`` starts it over at its end. ``ticks_per_s`` is the synthetic market's
    total update rate, ``seed`` makes it repeatable. ``symbols`` are those that a venue's source carries, of the
    venues that it names (empty: all instruments); ``refresh_interval_s`` is how often a source without a stream is
    asked.
    """

    source: str = "synthetic"
    sources: dict[str, str] = {}
    path: str = ""
    speed: Decimal = Decimal(1)
    loop: bool = True
    seed: int = 1
    ticks_per_s: int = 50
    stale_after_ms: int = 5_000
    symbols: tuple[str, ...] = ()
    refresh_interval_s: Decimal = Decimal(5)

    def source_of(self, venue: str) -> str:
        """Where prices of what is traded at ``venue`` come from; empty: from nowhere."""
        return self.sources.get(venue, self.source)

    @property
    def source_words(self) -> str:
        """All sources in one line."""
        own = [f"{venue}: {source}" for venue, source in self.sources.items()]
        if not own:
            return self.source
        return ", ".join([*own, f"others: {self.source}"] if self.source else own)


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the simulator fills. Latencies are one way; fees in basis points of the traded value.

    ``queue_position`` 1 joins the back of the visible queue at a price, 0 its front.
    """

    seed: int = 7
    order_latency_ms: Decimal = Decimal(5)
    report_latency_ms: Decimal = Decimal(5)
    latency_jitter: Decimal = Decimal("0.2")
    maker_fee_bps: Decimal = Decimal(1)
    taker_fee_bps: Decimal = Decimal(2)
    queue_position: Decimal = Decimal(1)


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach one venue. ``adapter`` names the code (ibkr, binance, ccxt, alpaca, simulator); ``options``
    holds what only that adapter knows. Credentials come from the environment, never from here. ``live_confirmation``
    is what a person typed to say that an account with real money is meant. ``cancel_on_disconnect``: when a connection
    stands again after a loss or a restart, what works there is taken back."""

    name: str
    adapter: str
    host: str = ""
    port: int = 0
    client_id: int = 0
    paper_only: bool = True
    live_confirmation: str = ""
    cancel_on_disconnect: bool = False
    timeout_s: Decimal = Decimal(10)
    options: dict[str, str] = {}


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a key. Empty ``accounts``, ``strategies`` or ``networks`` mean all of them.

    ``key_sha256`` is the hash of the key; the key itself is nowhere. ``networks`` are CIDR ranges.
    """

    name: str
    role: Role
    key_sha256: str
    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class NotificationChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts of at least ``min_severity`` (info, warning, critical) are sent: a webhook, slack, discord,
    telegram, email or pagerduty. Secrets are not here: ``url_env`` names the environment variable that holds an
    address which is itself a secret, ``secret_env`` that of a bot's token, a routing key or a password.

    ``chat_id`` belongs to telegram; ``host``, ``port``, ``security`` (starttls, tls, none), ``username``, ``sender``
    and ``recipients`` to email.
    """

    name: str
    kind: str = "webhook"
    url: str = ""
    url_env: str = ""
    secret_env: str = ""
    min_severity: str = "warning"
    chat_id: str = ""
    host: str = ""
    port: int = 587
    security: str = "starttls"
    username: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``sources`` are the files it was read from, ``warnings`` what a person should look at although
    it is usable."""

    trading: TradingConfig
    server: ServerSettings = ServerSettings()
    storage: StorageSettings = StorageSettings()
    policy: PolicySettings = PolicySettings()
    candidates: dict[str, CandidateSettings] = {}
    market_data: MarketDataSettings = MarketDataSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    venues: dict[str, VenueSettings] = {}
    principals: tuple[Principal, ...] = ()
    notifications: tuple[NotificationChannel, ...] = ()
    sources: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
