"""The archive of finished orders held against the journal: no chain covers its rows, replaying the records does."""

from hashlib import blake2b

from gateway.adapters.journal.archive import order_row
from gateway.adapters.journal.connection import Reader
from gateway.adapters.journal.errors import told
from gateway.domain.orders import Order

_PAGE = 4_096
_DIGEST_BYTES = 16


class FinishedOrders:
    """What the archive must hold, by the records: a digest per order, so that a million orders are some 100 MB."""

    def __init__(self) -> None:
        self._digests: dict[str, bytes] = {}
        self._seqs: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._digests)

    def note(self, order: Order, seq: int) -> None:
        """The order as record ``seq`` left it; a later call for the same order replaces the earlier one."""
        self._digests[order.order_id] = _digest(order_row(order)[-1])
        self._seqs[order.order_id] = seq

    def forget(self, order_id: str) -> None:
        """The order was taken back: it never was in the archive."""
        self._digests.pop(order_id, None)

    async def differences(self, reader: Reader, archived_seq: int) -> list[str]:
        """One line per row that is altered, missing, or of an order that no record finished. What later records than
        ``archived_seq`` left need not be there yet.

        The journal must not be written to meanwhile. Raises JournalUnavailable.
        """
        found: list[str] = []
        missing = dict(self._digests)
        late = {order_id for order_id, seq in self._seqs.items() if seq > archived_seq}
        last_id = ""
        while True:
            with told("read"):
                page = await reader.fetch(
                    "SELECT order_id, body FROM orders WHERE order_id > ? ORDER BY order_id LIMIT ?", (last_id, _PAGE)
                )
            for order_id, body in page:
                expected = missing.pop(order_id, None)
                if expected is None:
                    found.append(f"order {order_id} is in the archive, but no record finished it")
                elif order_id not in late and (not isinstance(body, bytes) or _digest(body) != expected):
                    found.append(f"order {order_id} in the archive is not as its records left it")
            if len(page) < _PAGE:
                return [*found, *(f"order {one} is missing from the archive" for one in missing if one not in late)]
            last_id = page[-1][0]


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
