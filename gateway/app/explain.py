"""``gateway explain``: an order of the past, with every check as it was.

Nothing of that is recorded per order: the state before it is folded from the journal, and the order decided in it once
more.
"""

import sys
from pathlib import Path

import msgspec

from gateway.adapters.journal.outside import Outside, from_outside
from gateway.app.order_check import as_text
from gateway.app.unread import unread
from gateway.core.state import GatewayState
from gateway.domain.events import OrderReceived, PolicyEvaluated, PolicyVerdict
from gateway.domain.records import Record
from gateway.ports.checking import OrderCheckView
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.checking import check_again
from gateway.service.recovery import fold, restored


async def explain_order(data_dir: Path, order_id: str, *, is_json: bool) -> int:
    """Print the verdict; 0 only when the order is in the journal. Takes no lock, and may run beside the gateway."""
    try:
        async with from_outside(data_dir) as journal:
            found = await explained(journal, order_id)
    except (JournalBroken, JournalUnavailable) as error:
        print(unread(error), file=sys.stderr)
        return 1
    if found is None:
        print(f"{data_dir} holds no order {order_id}; a leg is explained with its whole", file=sys.stderr)
        return 1
    print(msgspec.json.encode(found).decode() if is_json else as_text(found))
    return 0


async def explained(journal: Outside, order_id: str) -> OrderCheckView | None:
    """None when no order of this id was taken in. Raises JournalBroken, JournalUnavailable."""
    record = await journal.naming(OrderReceived.__name__, order_id)
    if record is None or not isinstance(record.event, OrderReceived) or record.event.order_id != order_id:
        return None
    later = {} if record.event.verdicts else await _later_verdict(journal, order_id, record.seq)
    return check_again(await _state_before(journal, record), record.event, later)


async def _state_before(journal: Outside, record: Record) -> GatewayState:
    """From the newest checkpoint before the record on, or from the beginning."""
    checkpoint = await journal.load_checkpoint(until_seq=record.seq - 1)
    found = None if checkpoint is None else restored(checkpoint)
    state, seq = (GatewayState(), 0) if found is None else found
    async for before in journal.read(seq):
        if before.seq == record.seq:
            break
        fold(state, before.seq, before.facts)
    return state


async def _later_verdict(journal: Outside, order_id: str, seq: int) -> dict[str, PolicyVerdict]:
    """The answer of a policy server, which is a record of its own."""
    answer = await journal.naming(PolicyEvaluated.__name__, order_id, seq)
    if answer is None or not isinstance(answer.event, PolicyEvaluated):
        return {}
    return {answer.event.order_id: answer.event.verdict}
