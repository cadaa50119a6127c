"""A whole run with every secret there is, at the most talkative: none of them may be in anything that is kept."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from gateway.adapters.config import make_key
from gateway.app.logs import hide_secrets, start_log
from tests.e2e.process import SERVE, Site, eventually, running
from tests.notify.servers import http_service
from tests.patience import PATIENCE_S

SECRETS = {
    "BINANCE_API_KEY": "binance-key-0123456789",
    "BINANCE_SECRET": "binance-secret-0123456789",
    "ALPACA_API_KEY": "alpaca-key-0123456789",
    "ALPACA_SECRET_KEY": "alpaca-secret-0123456789",
    "IBKR_USERNAME": "ibkr-user",
    "IBKR_PASSWORD": "ibkr-password-0123456789",
    "OPA_TOKEN": "opa-token-0123456789",
    "TELEGRAM_BOT_TOKEN": "12345:telegram-token/with+signs",
    "DESK_HOOK": "",  # an address with a secret in its path: filled in below
    "SMTP_PASSWORD": "smtp-password-0123456789",
}
CHANNELS = """
channels:
  - {name: desk, kind: slack, url_env: DESK_HOOK, min_severity: info}
  - {name: chat, kind: telegram, secret_env: TELEGRAM_BOT_TOKEN, chat_id: "-1", url: "http://127.0.0.1:9"}
  - {name: mail, kind: email, host: 127.0.0.1, port: 9, security: none, username: u, secret_env: SMTP_PASSWORD,
     sender: g@example.com, recipients: [d@example.com]}
"""


def kept(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", ["text", "json"])
async def test_no_secret_is_in_the_log_the_journal_or_an_answer(site: Site, form: str) -> None:
    """Without this, a key to somebody's money would be in a log that is shipped, kept and searched by many."""
    key, entry = make_key("ann", "admin")
    stranger = "gk_a-key-that-nobody-gave-out-0123456789"
    site.write("principals.yaml", f"principals:\n{entry}\n")
    site.write("notifications.yaml", CHANNELS)
    async with http_service() as service:
        secrets = {**SECRETS, "DESK_HOOK": f"{service.url}/services/slack-secret-0123456789"}
        command = [*SERVE, "--log-level", "DEBUG", "--log-format", form]
        async with running(site, command, secrets) as gateway:
            api, other = gateway.api(key), gateway.api(stranger)
            assert (await other.get("/api/trading/positions")).status == 401
            answers = [
                await api.place(symbol="AAPL", quantity=1, side="buy", order_type="market"),
                await api.post("/api/trading/trading/disable", {"reason": "test"}),
                await api.get("/api/trading/connections"),
                await api.get("/metrics"),
            ]
            async with asyncio.timeout(PATIENCE_S):
                await service.came.wait()

            async def dead_channels_show() -> bool:
                answers.append(await api.get("/api/trading/alerts"))
                return sum(not channel["is_up"] for channel in answers[-1].body["channels"]) == 2

            await eventually(dead_channels_show, PATIENCE_S)
            await raw_nonsense(gateway.url, key)
            site.change("gateway.yaml", "modes:", "mdoes:")
            await eventually(lambda: asyncio.sleep(0, "mdoes" in gateway.log), PATIENCE_S)
            assert await gateway.stop() == 0
            everything = {**kept(site.data), "log": gateway.log.encode(), "answers": repr(answers).encode()}
    words = {name: text for name, text in secrets.items() if name != "IBKR_USERNAME"}
    for name, secret in {**words, "key": key, "stranger": stranger}.items():
        assert [where for where, data in everything.items() if secret.encode() in data] == [], name
    if form == "json":
        lines = [line for line in gateway.log.splitlines() if line.startswith("{")]
        assert len(lines) > 10
        assert {"ts", "level", "logger", "message"} <= set(json.loads(lines[-1]))


async def raw_nonsense(url: str, key: str) -> None:
    """What is not HTTP, with a key in it: servers like to print what they could not read."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /{key} HTTP/9.9\r\nAuthorization: Bearer {key}\r\n\x00\r\n\r\n".encode())
    await writer.drain()
    await reader.read()
    writer.close()


def test_what_a_library_prints_is_struck_out_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, a library that logs the address it asks would log the token in it."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        for form in ("text", "json"):
            root.handlers = []
            start_log("INFO", form)
            hide_secrets({"BOT_TOKEN": 'a/b+"c"0123', "ODD": "another-one-012", "HOME": "/home/gateway"}, ["ODD"])
            root.error('GET /bota/b+"c"0123/x and /bota%2Fb%2B%22c%220123/x, another-one-012, /home/gateway')
            try:
                raise ValueError("another-one-012")
            except ValueError:
                root.exception("it failed")
        said = capsys.readouterr().err
    finally:
        root.handlers = before
    assert 'c"0123' not in said
    assert "%220123" not in said
    assert "another-one" not in said
    assert said.count("/home/gateway") == 2
    assert said.count("***") >= 8
