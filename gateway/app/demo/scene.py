"""What the demonstration runs on: the user's own limits, instruments and policies, in SHADOW, in a folder that goes.

Only a copy is changed: all modes SHADOW, invented or recorded prices, policies in the process, no keys (so the server
listens on this machine only), nobody to notify. The journal is a temporary one, so nothing touches ``data/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from gateway.adapters.config import load
from gateway.domain.instruments import Instrument

#: Traded unless asked otherwise; of those, the ones that the configuration has.
USUAL = ("AAPL", "TSLA", "BTC/USDT", "ETH/USDT", "SOL/USDT")
_MOST = 5
#: Updates of the invented market per second, over all symbols.
_TICKS_PER_S = 200


class SceneRefused(Exception):
    """The demonstration cannot run here; the text says what to do."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for. ``recording`` None: an invented market."""

    config: Path
    symbols: tuple[str, ...]
    recording: Path | None
    speed: Decimal


@dataclass(frozen=True)
class Scene:
    """``config`` and ``data`` are folders for ``gateway serve``; ``lots`` the quantity step of each symbol."""

    config: Path
    data: Path
    symbols: tuple[str, ...]
    lots: Mapping[str, Decimal]
    market: str


def set_scene(wish: Wish, folder: Path) -> Scene:
    """Make the two folders inside ``folder``. Raises SceneRefused, ConfigInvalid or OSError."""
    if not (wish.config / "gateway.yaml").is_file():
        raise SceneRefused(
            f"there is no gateway.yaml in {wish.config}: run this in the folder of the repository (`make demo`), or "
            "name a configuration folder with --config"
        )
    if wish.recording is not None and not wish.recording.is_file():
        raise SceneRefused(f"there is no recording {wish.recording}")
    config, data = folder / "config", folder / "data"
    config.mkdir()
    data.mkdir()
    _write(config / "gateway.yaml", _staged(wish))
    instruments = _read(wish.config / "instruments.yaml")
    for key in ("exchange", "refresh_interval"):  # a source of prices may be named here too
        instruments.pop(key, None)
    _write(config / "instruments.yaml", instruments)
    if (wish.config / "risk.yaml").is_file():
        (config / "risk.yaml").write_bytes((wish.config / "risk.yaml").read_bytes())
    known = load(config, {}).trading.instruments
    symbols = _chosen(wish, known)
    lots = {symbol: known[symbol].lot_size for symbol in symbols}
    market = "synthetic market" if wish.recording is None else f"recorded market, {wish.recording.name}"
    return Scene(config, data, symbols, lots, market)


def _staged(wish: Wish) -> dict[str, Any]:
    gateway = _read(wish.config / "gateway.yaml")
    for key in ("server", "storage", "exchange", "refresh_interval"):
        gateway.pop(key, None)
    gateway.setdefault("modes", {})["global"] = "SHADOW"
    if "accounts" in gateway:
        gateway["accounts"].setdefault("default", {"initial_cash": "100000"})
    policy = gateway.setdefault("policy", {})
    policy["engine"] = "embedded"
    policy["path"] = str((wish.config / policy.get("path", "../policies")).resolve())
    if wish.recording is None:
        gateway["market_data"] = {"source": "synthetic", "ticks_per_s": str(int(_TICKS_PER_S * wish.speed) or 1)}
    else:
        recording = str(wish.recording.resolve())
        gateway["market_data"] = {"source": "replay", "path": recording, "speed": f"{wish.speed:f}", "loop": "true"}
    return gateway


def _chosen(wish: Wish, known: Mapping[str, Instrument]) -> tuple[str, ...]:
    unknown = [symbol for symbol in wish.symbols if symbol not in known]
    if unknown:
        raise SceneRefused(f"not in instruments.yaml: {', '.join(unknown)}; there are: {', '.join(known)}")
    if wish.symbols:
        return wish.symbols
    enabled = [symbol for symbol, one in known.items() if one.enabled]
    found = [symbol for symbol in USUAL if symbol in enabled] or enabled[:_MOST]
    if not found:
        raise SceneRefused("no instrument is enabled in instruments.yaml")
    return tuple(found)


def _read(path: Path) -> dict[str, Any]:
    """Every word as the text that was written, so that writing it back changes no number."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) if path.is_file() else {}
    except yaml.YAMLError as error:
        raise SceneRefused(f"{path} is not readable YAML: {error}") from None
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content)) if content else "# nothing\n", encoding="utf-8")
