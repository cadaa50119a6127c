"""``gateway demo``: a strategy trades through a real gateway in SHADOW for a while, and a table says how it went.

``strategy`` decides, with ``desk`` and ``client`` it is an ordinary client of the gateway (copy these three);
``scene`` and ``process`` give it a gateway, ``runner`` is the course of it all, ``figures``, ``table`` and ``story``
tell the end.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gateway.adapters.config import ConfigInvalid
from gateway.app.demo.process import GatewayFailed
from gateway.app.demo.runner import Outcome, run
from gateway.app.demo.scene import SceneRefused, Wish
from gateway.app.demo.table import table


def demo(args: Sequence[str]) -> int:
    """Run it; returns the exit status. With ``--json`` the figures go to stdout and the words to stderr."""
    asked = _parser().parse_args(args)
    wish = Wish(asked.config, tuple(asked.symbols), asked.recording, asked.speed)
    out = sys.stderr if asked.json else sys.stdout
    try:
        outcome = asyncio.run(run(wish, asked.seconds, out))
    except (SceneRefused, GatewayFailed) as refused:
        print(f"the demonstration cannot run: {refused}", file=sys.stderr)
        return 1
    except ConfigInvalid as invalid:
        for problem in invalid.problems:
            print(problem, file=sys.stderr)
        return 1
    print("\n".join(["", *table(outcome.figures), "", *outcome.story]), file=out, flush=True)
    if asked.json:
        print(json.dumps(_as_json(outcome), indent=2))
    return 0


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {**outcome.figures.as_json(), "story": outcome.story, "gateway_pid": outcome.gateway_pid}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway demo",
        description="A sample strategy trades through a gateway of its own, in SHADOW. Nothing is sent to any venue.",
    )
    parser.add_argument("--seconds", type=_positive, default=30.0, help="how long (default 30); Ctrl-C ends it early")
    parser.add_argument("--symbols", nargs="+", default=(), help="what to trade, out of instruments.yaml")
    parser.add_argument("--recording", type=Path, help="play this recorded feed instead of an invented market")
    parser.add_argument("--speed", type=_speed, default=Decimal(1), help="how many times faster the market runs")
    parser.add_argument("--config", type=Path, default=Path("config"), help="folder of the YAML files (default config)")
    parser.add_argument("--json", action="store_true", help="figures as JSON on stdout, everything else on stderr")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("must be above 0 and at most 86400")
    return value


def _speed(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError("must be a number") from None
    if not Decimal("0.01") <= value <= 1_000:
        raise argparse.ArgumentTypeError("must be between 0.01 and 1000")
    return value
