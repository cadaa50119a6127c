"""The services' own formats: what is wrong in one of them is refused by the service on the night it matters."""

import msgspec
import pytest

from gateway.adapters.notify.formats import FORMATS, email_of
from gateway.adapters.notify.message import Message, message_of
from gateway.domain.alerts import AlertKind, Severity
from tests.fakes.alerts import an_alert

LOST = message_of(an_alert(text="the connection to ibkr is lost"))
OVER = message_of(an_alert(resolved_ns=1_700_000_060_000_000_000))
LOUD = message_of(an_alert(AlertKind.TRADING_STOPPED, "gateway:halted", text="<!channel> @everyone & more"))


def body(kind: str, *messages: Message, url: str = "https://x", secret: str = "s3cret") -> dict[str, object]:
    return FORMATS[kind].post(url, secret, "-100", messages).body


def test_slack_shows_one_line_each_and_calls_nobody() -> None:
    """Without this, a text with `<!channel>` would wake a whole company, or Slack would swallow it."""
    assert body("slack", LOST, OVER) == {
        "text": "🔴 CRITICAL: the connection to ibkr is lost\n🟢 RESOLVED: the connection is lost"
    }
    assert body("slack", LOUD)["text"] == "🔴 CRITICAL: &lt;!channel&gt; @everyone &amp; more"


def test_discord_mentions_nobody_and_keeps_to_its_length() -> None:
    """Without this, Discord would refuse a message above 2,000 characters, or call everyone."""
    long = msgspec.structs.replace(LOST, text="x" * 5_000)
    found = body("discord", long)
    assert found["allowed_mentions"] == {"parse": []}
    assert len(str(found["content"])) == 2_000


def test_telegram_is_plain_text_to_one_chat_under_the_bots_address() -> None:
    """Without this, an underscore in a symbol would be markup, and the message refused."""
    post = FORMATS["telegram"].post("", "123:abc", "-100", (LOST,))
    assert post.url == "https://api.telegram.org/bot123:abc/sendMessage"
    assert post.body["chat_id"] == "-100"
    assert "parse_mode" not in post.body


def test_pagerduty_opens_and_resolves_the_same_incident() -> None:
    """Without this, incidents would stay open for ever, or each message would open another."""
    opened, closed = (body("pagerduty", one) for one in (LOST, OVER))
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"] == "venue_lost:venue:ibkr"
    assert opened["routing_key"] == "s3cret"
    payload = opened["payload"]
    assert isinstance(payload, dict)
    assert {"summary", "source", "severity"} <= set(payload)
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert FORMATS["pagerduty"].most == 1


def test_a_webhook_gets_it_all_as_data_with_its_token() -> None:
    """Without this, a program would have to read sentences."""
    post = FORMATS["webhook"].post("https://x", "s3cret", "", (LOST, OVER))
    assert post.headers == {"Authorization": "Bearer s3cret"}
    alerts = post.body["alerts"]
    assert [(one["state"], one["key"], one["severity"]) for one in alerts] == [
        ("active", "venue_lost:venue:ibkr", "critical"),
        ("resolved", "venue_lost:venue:ibkr", "critical"),
    ]
    assert alerts[1]["at"] == "2023-11-14T22:14:20Z"


def test_a_mail_has_the_worst_in_its_subject_and_one_line_headers() -> None:
    """Without this, a line break in a text could add headers to the mail, or the subject would tell what is over."""
    wild = msgspec.structs.replace(LOST, text="lost\r\nBcc: all@example.com")
    mail = email_of("g@example.com", ("a@example.com", "b@example.com"), (OVER, wild))
    assert mail["Subject"] == "CRITICAL: lost Bcc: all@example.com (and 1 more)"
    assert mail["Bcc"] is None
    assert mail["To"] == "a@example.com, b@example.com"
    assert "RESOLVED" in mail.get_content()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_batch_of_long_texts_is_still_one_message(kind: str) -> None:
    """Without this, the storm after an outage would be refused as a whole."""
    long = msgspec.structs.replace(LOST, text="x" * 3_000, severity=Severity.WARNING)
    assert body(kind, *[long] * FORMATS[kind].most)
