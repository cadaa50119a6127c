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
from decimal import Decimal
from pathlib import Path

from gateway.adapters.config import ConfigInvalid
from gateway.app.console import Parser
from gateway.app.demo.process import GatewayFailed
from gateway.app.demo.runner import Outcome, run
from gateway.app.demo.scene import SceneRefused, Wish
from gateway.app.demo.table import table
from gateway.app.options import decimal


def demo(args: Sequence[str]) -> int:
    """Run it; returns the exit status. With ``--json`` the figures go to stdout and the words to stderr."""
    asked = _parser().parse_args(args)
    wish = Wish(asked.config, tuple(asked.symbols), asked.recording, asked.speed)
    out = sys.stderr if asked.json else sys.stdout
    try:
        outcome = asyncio.run(run(wish, float(asked.seconds), out))
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
    parser = Parser(
        prog="gateway demo",
        description="A sample strategy trades through a gateway of its own, in SHADOW. Nothing is sent to any venue.",
    )
    seconds, speed = decimal("0.1", "86400"), decimal("0.01", "1000")
    parser.add_argument("--seconds", type=seconds, default=Decimal(30), help="how long (default 30), Ctrl-C ends it")
    parser.add_argument("--symbols", nargs="+", default=(), help="what to trade, out of instruments.yaml")
    parser.add_argument("--recording", type=Path, help="play this recorded feed instead of an invented market")
    parser.add_argument("--speed", type=speed, default=Decimal(1), help="how many times faster the market runs")
    parser.add_argument("--config", type=Path, default=Path("config"), help="folder of the YAML files (default config)")
    parser.add_argument("--json", action="store_true", help="figures as JSON on stdout, everything else on stderr")
    return parser
