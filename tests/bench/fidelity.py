"""``python -m tests.bench.fidelity``: the simulator's fill rules measured on the recorded feed."""

import argparse
import os
import sys
from decimal import Decimal
from pathlib import Path

from gateway.adapters.marketdata import read_recording
from tests.bench.fill_rules import compare_touch_with_queue

RECORDING = "binance_spot_btcusdt_20240808.jsonl.gz"


def recordings_folder() -> Path:
    """Where recorded feeds lie: ``GATEWAY_RECORDINGS``, or ``../shared/data`` beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("GATEWAY_RECORDINGS") or beside)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recording", type=Path, default=recordings_folder() / RECORDING)
    parser.add_argument("--symbol", default="BTC/USDT")
    parser.add_argument("--interval-ms", type=int, default=1_000)
    parser.add_argument("--lifetime-ms", type=int, default=10_000)
    parser.add_argument("--quantity", type=Decimal, default=Decimal("0.001"))
    parser.add_argument("--queue-share", type=Decimal, default=Decimal(1), help="1: back of the queue, 0: front")
    options = parser.parse_args()
    if not options.recording.exists():
        print(f"There is no recording at {options.recording}: name one, or its folder in GATEWAY_RECORDINGS.")
        return 1
    report = compare_touch_with_queue(
        read_recording(options.recording),
        symbol=options.symbol,
        order_qty=options.quantity,
        interval_ms=options.interval_ms,
        lifetime_ms=options.lifetime_ms,
        queue_share=options.queue_share,
    )
    print(report.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
