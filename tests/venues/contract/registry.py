"""The venues that keep the contract. A new one is an entry here."""

from collections.abc import Callable
from pathlib import Path

from tests.venues.contract.drivers import Driver


def _ibkr(folder: Path) -> Driver:
    from tests.venues.contract.ibkr import IbkrDriver

    return IbkrDriver(folder)


def _binance(folder: Path) -> Driver:
    from tests.venues.contract.binance import BinanceDriver

    return BinanceDriver(folder)


def _alpaca(folder: Path) -> Driver:
    from tests.venues.contract.alpaca import AlpacaDriver

    return AlpacaDriver(folder)


def _ccxt(folder: Path) -> Driver:
    from tests.venues.contract.ccxt import CcxtDriver

    return CcxtDriver(folder)


def _simulator(folder: Path) -> Driver:
    from tests.venues.contract.simulator import SimulatorDriver

    return SimulatorDriver(folder)


#: Client libraries are slow to load, so a driver is imported when it is wanted.
DRIVERS: dict[str, Callable[[Path], Driver]] = {
    "ibkr": _ibkr,
    "binance": _binance,
    "alpaca": _alpaca,
    "ccxt": _ccxt,
    "simulator": _simulator,
}
#: Those that carry out orders with exits themselves: bracket, OCO and OTO.
WITH_CLASSES = ("alpaca", "simulator")
_IN_PROCESS = "it is in this process: a request is answered before it returns, and nothing is sent anywhere"
#: Chapters of the contract that a venue cannot have, and why. ``Driver.prove`` shows that it is so.
EXCUSED: dict[str, dict[str, str]] = {
    "simulator": {
        "C6": "it remembers nothing over a restart: what it is asked for then, it takes up again",
        "C7": _IN_PROCESS,
        "C8": _IN_PROCESS,
        "C10": "nothing fills while it is not there",
        "C11": "its reports are lost by nobody, and come in their order",
        "C12": _IN_PROCESS,
        "C13": _IN_PROCESS,
        "C14": _IN_PROCESS,
        "C15": _IN_PROCESS,
        "C16": _IN_PROCESS,
    }
}
