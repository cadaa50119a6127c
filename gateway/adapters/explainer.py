"""An order of the past decided again, in a process of its own: folding a journal takes seconds of a processor, which no
order should wait for."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from gateway.ports.checking import OrderCheckView
from gateway.ports.stories import ExplanationFailed

_TIMEOUT_S = 60.0
_NICE = 15


class JournalExplainer:
    """Implements ``ports.stories.OrderExplainer`` by the command ``gateway explain``; one at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._turn = asyncio.Lock()

    async def explain(self, order_id: str) -> OrderCheckView:
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "explain", "--json", "--data", str(self._data_dir), "--", order_id),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                preexec_fn=_give_way,
            )
            try:
                output, errors = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()
                why = f"folding the journal takes longer than {_TIMEOUT_S:.0f} s; use `gateway explain {order_id}`"
                raise ExplanationFailed(why) from None
        if process.returncode != 0:
            raise ExplanationFailed(errors.decode(errors="replace").strip() or "gateway explain failed")
        return msgspec.json.decode(output, type=OrderCheckView)


def _give_way() -> None:
    os.nice(_NICE)
