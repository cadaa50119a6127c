"""Where requests to an exchange of ccxt go: its sandbox, the exchange itself, or another server."""

import urllib.parse
from collections.abc import Iterator
from typing import Any

from gateway.adapters.venues.ccxt.options import CcxtOptions, OptionsInvalid


def keep_to_paper(exchange: Any, options: CcxtOptions) -> None:
    """Enter the sandbox, or hold that an address of our own is not the real exchange's."""
    if not options.base_url:
        _enter_sandbox(exchange)
        return
    host = urllib.parse.urlsplit(options.base_url).hostname
    if host in {urllib.parse.urlsplit(url).hostname for url in _addresses(exchange.urls["api"], exchange.hostname)}:
        raise OptionsInvalid(
            f"options.base_url {options.base_url} is the real {exchange.id}, and paper_only is true: "
            "leave base_url out for its sandbox, or say paper_only: false to trade with real money"
        )


def _addresses(urls: Any, hostname: str | None) -> Iterator[str]:
    """Every address in ccxt's table."""
    if isinstance(urls, dict):
        for one in urls.values():
            yield from _addresses(one, hostname)
    elif isinstance(urls, str):
        yield urls.replace("{hostname}", hostname or "")


def _enter_sandbox(exchange: Any) -> None:
    if not exchange.urls.get("test"):
        raise OptionsInvalid(
            f"{exchange.id} has no sandbox in ccxt, so paper_only cannot be kept: "
            "keep the venue in SHADOW, or say paper_only: false to trade with real money"
        )
    exchange.set_sandbox_mode(True)


def move(urls: dict[str, Any], options: CcxtOptions) -> None:
    """Put every address of the exchange at another server; paths stay. Streams (ws) have an address of their own."""
    if not options.base_url and not options.stream_url:
        return
    api = urls["api"]
    urls["api"] = _moved(api if isinstance(api, dict) else {"": api}, options, is_stream=False)
    if not isinstance(api, dict):
        urls["api"] = urls["api"][""]


def _moved(urls: dict[str, Any], options: CcxtOptions, *, is_stream: bool) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    for name, url in urls.items():
        is_ws = is_stream or name.startswith("ws")
        target = options.stream_url if is_ws else options.base_url
        if isinstance(url, dict):
            moved[name] = _moved(url, options, is_stream=is_ws)
        elif isinstance(url, str) and target:
            path = urllib.parse.urlsplit(url.replace("{hostname}", "host")).path
            moved[name] = target.rstrip("/") + path.rstrip("/")
        else:
            moved[name] = url
    return moved
