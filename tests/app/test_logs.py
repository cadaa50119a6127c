"""The log: what it holds may be read line by line."""

import logging

import pytest

from gateway.app.logs import start_log


@pytest.mark.parametrize(
    ("form", "shown"), [("text", "no\\n2026 INFO    gateway: all is well\\x1b[2J"), ("json", "no\\n2026")]
)
def test_words_of_others_make_no_line_of_their_own(
    form: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a path that a client asks for, or the words of a venue, could forge lines of the log, and be obeyed
    by the terminal that shows it."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    start_log("INFO", form)
    logging.getLogger("gateway").error("the venue said: %s", "no\n2026 INFO    gateway: all is well\x1b[2J")
    [line] = capsys.readouterr().err.splitlines()
    assert shown in line
    assert line.isprintable()


def test_a_traceback_stays_readable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an incident would be one long line."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    start_log("INFO", "text")
    try:
        raise ValueError("a\nb")
    except ValueError:
        logging.getLogger("gateway").exception("it failed")
    assert "\nValueError: a\nb" in capsys.readouterr().err
