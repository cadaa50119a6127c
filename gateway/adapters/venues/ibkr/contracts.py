"""Instruments as TWS names them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ib_async import Contract, ContractDetails

from gateway.domain.instruments import Instrument
from gateway.domain.money import plain

#: Security types by asset class.
SEC_TYPES: Mapping[str, str] = {"equity": "STK", "future": "FUT", "option": "OPT", "forex": "CASH", "crypto": "CRYPTO"}
#: OCC symbols, with or without the padding: root, yymmdd, C or P, strike in thousandths.
_OCC = re.compile(r"(?P<root>[A-Z.]{1,6}) *(?P<date>\d{6})(?P<right>[CP])(?P<strike>\d{8})")
_FOREX = re.compile(r"(?P<base>[A-Z]{3})[/.]?(?P<quote>[A-Z]{3})")


class ContractUnknown(Exception):
    """An instrument cannot be named at TWS; the text says what is missing."""


def contract_of(instrument: Instrument) -> Contract:
    """The contract of an instrument, to be qualified by TWS. Raises ContractUnknown."""
    sec_type = SEC_TYPES.get(instrument.asset_class)
    if sec_type is None:
        known = ", ".join(SEC_TYPES)
        raise ContractUnknown(f"{instrument.symbol}: asset class {instrument.asset_class} is none of {known}")
    fields: dict[str, Any] = {
        "secType": sec_type,
        "symbol": instrument.symbol,
        "exchange": instrument.exchange or "SMART",
        "currency": instrument.currency,
    }
    if sec_type == "FUT":
        if not instrument.expiry:
            raise ContractUnknown(f"{instrument.symbol}: a future needs its expiry in instruments.yaml, 202612 say")
        fields["lastTradeDateOrContractMonth"] = instrument.expiry
        if instrument.multiplier != 1:
            fields["multiplier"] = plain(instrument.multiplier)
    elif sec_type == "OPT":
        fields |= _option_fields(instrument)
    elif sec_type == "CASH":
        fields |= _forex_fields(instrument)
    elif sec_type == "CRYPTO":
        fields["symbol"] = instrument.symbol.partition("/")[0]
        fields["exchange"] = instrument.exchange or "PAXOS"
    return Contract(**fields)


def only_one(symbol: str, found: Sequence[ContractDetails]) -> Contract:
    """The contract that TWS knows by the name of an instrument. Raises ContractUnknown when it is not exactly one."""
    if len(found) != 1:
        what = "no contract" if not found else f"{len(found)} contracts"
        text = "set exchange, currency and expiry in instruments.yaml so that they name one"
        raise ContractUnknown(f"{symbol}: TWS knows {what} by this name; {text}")
    contract: Contract = found[0].contract
    return contract


def _option_fields(instrument: Instrument) -> dict[str, Any]:
    found = _OCC.fullmatch(instrument.symbol)
    if found is None:
        text = "name an option by its OCC symbol, AAPL261218C00200000 for the AAPL call at 200 of 18 December 2026"
        raise ContractUnknown(f"{instrument.symbol}: {text}")
    return {
        "symbol": found["root"],
        "lastTradeDateOrContractMonth": f"20{found['date']}",
        "right": found["right"],
        "strike": int(found["strike"]) / 1000,
        "multiplier": plain(instrument.multiplier),
    }


def _forex_fields(instrument: Instrument) -> dict[str, Any]:
    found = _FOREX.fullmatch(instrument.symbol)
    if found is None:
        raise ContractUnknown(f"{instrument.symbol}: name a pair like EUR/USD")
    return {"symbol": found["base"], "currency": found["quote"], "exchange": instrument.exchange or "IDEALPRO"}
