"""Environment variables over YAML, and the ``.env`` file."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.config import ConfigInvalid, read_env_file
from gateway.adapters.config.env_file import parse_env
from gateway.adapters.config.problems import Problems
from tests.config.samples import SEED_MODES, only_problem, parse_texts, problems_of

SECRETS = {
    "IBKR_PASSWORD": "hunter2",
    "BINANCE_API_KEY": "hunter2",
    "BINANCE_SECRET": "hunter2",
    "ALPACA_API_KEY": "hunter2",
    "ALPACA_SECRET_KEY": "hunter2",
    "IQFEED_LOGIN": "hunter2",
    "IQFEED_PASSWORD": "hunter2",
}


def test_the_seeds_names_override_the_ibkr_venue() -> None:
    """Without it the seeds' .env would have no effect."""
    environ = {"IB_HOST": "tws", "IB_PORT": "4002", "IB_CLIENT_ID": "1", "IBKR_ACCOUNT_ID": "DU123"}
    venue = parse_texts(environ, gateway=SEED_MODES).venues["ibkr"]
    assert (venue.host, venue.port, venue.client_id, venue.options) == ("tws", 4002, 1, {"account": "DU123"})
    assert venue.timeout_s == Decimal(30)


def test_overrides_follow_the_adapter_and_not_the_name() -> None:
    """Without it a second TWS under another name would be reached at the wrong port."""
    settings = parse_texts(
        {"IB_PORT": "4002", "BINANCE_TESTNET": "false"},
        gateway="venues: {paper: {adapter: ibkr}, binance: {}, kraken: {adapter: ccxt}}",
    )
    assert settings.venues["paper"].port == 4002
    assert settings.venues["binance"].paper_only is False
    assert settings.venues["kraken"].paper_only is True


def test_real_money_by_the_environment_alone_is_told() -> None:
    """Without this, who reads `paper_only: true` believes that nothing is at stake."""

    def told(text: str, paper_only: str) -> list[str]:
        settings = parse_texts({"BINANCE_TESTNET": text}, gateway=f"venues: {{binance: {{paper_only: {paper_only}}}}}")
        return [warning for warning in settings.warnings if "BINANCE_TESTNET" in warning]

    (warning,) = told("false", "yes")
    assert warning.startswith("environment: BINANCE_TESTNET is false: venue binance trades with real money")
    assert told("true", "yes") == told("false", "no") == []


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("no", False), ("0", False)])
def test_testnet(text: str, expected: bool) -> None:
    """Without it 1 and 0, as environments write them, would be refused."""
    venue = parse_texts({"BINANCE_TESTNET": text}, gateway="venues: {binance: {paper_only: yes}}").venues["binance"]
    assert venue.paper_only is expected


def test_an_empty_variable_is_unset() -> None:
    """Without it a container that passes ``IB_PORT=`` on would not start."""
    assert parse_texts({"IB_PORT": " ", "IB_HOST": ""}, gateway=SEED_MODES).venues["ibkr"].port == 7497


def test_an_unfit_variable_is_named() -> None:
    """Without it a slip in the environment would be blamed on the YAML, or ignored."""
    problem = only_problem({"IB_PORT": "abc"}, gateway=SEED_MODES)
    assert problem == "environment: IB_PORT must be a number, was abc"


def test_the_live_port_is_refused_from_the_environment_too() -> None:
    """Without it IB_PORT=7496 would get around paper_only."""
    problem = only_problem({"IB_PORT": "7496"}, gateway=SEED_MODES)
    assert problem.startswith("environment: IB_PORT must not be a live port while paper_only is true, was 7496")


def test_the_trading_mode_of_other_systems_is_not_obeyed() -> None:
    """Without it a variable left over from another system would be thought to switch this one."""
    settings = parse_texts({"TRADING_MODE": "live"}, gateway=SEED_MODES, risk="limits: {max_leverage: 1}")
    assert settings.trading.global_mode.value == "SHADOW"
    assert settings.warnings[0].startswith("environment: TRADING_MODE is not read: modes are changed in gateway.yaml")


def test_secrets_are_never_read_into_settings() -> None:
    """Without it a secret could reach the journal, the page or a log."""
    settings = parse_texts(SECRETS, gateway=SEED_MODES + "  binance: {}\n  alpaca: {}\n")
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(problems_of(SECRETS, gateway="x: 1"))


def write(path: Path, text: str) -> Path:
    file = path / ".env"
    file.write_text(text)
    return file


def test_an_env_file(tmp_path: Path) -> None:
    """Without it quotes, comments or ``export`` would end up in a password."""
    text = """# comment
BINANCE_API_KEY=abc=def#1
export BINANCE_SECRET = 'single # "quoted"'  # comment
IBKR_PASSWORD="a \\"b\\" \\\\ $c\\n"
EMPTY=
SPACED = two words   # comment
BINANCE_TESTNET=true  # Use testnet first
AGAIN=1
AGAIN=2
"""
    assert read_env_file(write(tmp_path, text)) == {
        "BINANCE_API_KEY": "abc=def#1",
        "BINANCE_SECRET": 'single # "quoted"',
        "IBKR_PASSWORD": 'a "b" \\ $c\n',
        "EMPTY": "",
        "SPACED": "two words",
        "BINANCE_TESTNET": "true",
        "AGAIN": "2",
    }


def test_no_env_file_is_no_variables(tmp_path: Path) -> None:
    """Without it a clean clone would not start."""
    assert read_env_file(tmp_path / ".env") == {}


BAD_LINES = ["hunter2", "1NAME=hunter2", "A='hunter2", 'A="hunter2', 'A="x" hunter2', "A B=hunter2"]


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_none_is_named_without_its_value(tmp_path: Path, line: str) -> None:
    """Without it half a password would be taken, or be printed."""
    with pytest.raises(ConfigInvalid, match=r"\.env:2:1: .*must be NAME=value") as found:
        read_env_file(write(tmp_path, f"X=1\n{line}\n"))
    assert "hunter2" not in str(found.value)


def test_an_env_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Without it a directory called .env would end in a stack trace."""
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        read_env_file(tmp_path / ".env")


@given(st.binary(max_size=300) | st.text(alphabet="AB=\"'\\#\n export", max_size=60).map(str.encode))
def test_any_bytes_are_variables_or_problems(data: bytes) -> None:
    """Without it some .env file would end in a stack trace."""
    assert all(isinstance(value, str) for value in parse_env(".env", data, Problems()).values())
