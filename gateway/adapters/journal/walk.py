"""One pass of an audit over the records: what each must look like after the one before it."""

import msgspec

from gateway.adapters.journal.chain import genesis, link_stored
from gateway.adapters.journal.codec import opening_of

_KEPT_PROBLEMS = 1_000
#: seq, ts_ns, kind, body, hash: as found, which may be anything.
Row = tuple[int, object, str, object, bytes]


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it was written. ``seq`` is where; None when it concerns the journal as a whole.
    ``is_unread``: nothing was found there, for the file could not be read in this moment, or is none."""

    seq: int | None
    what: str
    is_unread: bool = False


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``head_hash`` (hex) of an intact journal commits to all of it: note it down elsewhere, and
    a later audit can be held against it. ``omitted`` counts problems beyond the first thousand."""

    records: int
    first_seq: int | None
    last_seq: int | None
    head_hash: str
    problems: tuple[Problem, ...]
    omitted: int = 0
    #: Where the journal was not closed: the record up to which a cut end would be noticed.
    surely_to: int | None = None

    @property
    def is_intact(self) -> bool:
        return not self.problems

    @property
    def is_broken(self) -> bool:
        """Something was found to be wrong. Neither, where it could not be read and what was read is right."""
        return any(not problem.is_unread for problem in self.problems)


class Walk:
    """One pass over the records, in order of their numbers."""

    def __init__(self, partition: str) -> None:
        self.partition = partition
        self.records = 0
        self.first_seq: int | None = None
        self.last_seq = 0
        #: What must be found at some records: {seq: [(hash, who says so), ...]}.
        self.expected: dict[int, list[tuple[object, str]]] = {}
        self._stored: bytes | None = genesis(partition)
        self._computed: bytes | None = self._stored
        self._openings: dict[str, bytes] = {}
        self._problems: list[Problem] = []
        self._omitted = 0

    def found(self, seq: int | None, what: str, *, is_unread: bool = False) -> None:
        if len(self._problems) < _KEPT_PROBLEMS:
            self._problems.append(Problem(seq, what, is_unread))
        else:
            self._omitted += 1

    def expect(self, seq: int, record_hash: object, source: str) -> None:
        """``source`` says that record ``seq`` has this hash."""
        if seq > 0:
            self.expected.setdefault(seq, []).append((record_hash, source))
        elif seq < 0 or record_hash != genesis(self.partition):
            self.found(None, f"{source} names record {seq}, which there cannot be")

    def check(self, row: Row) -> None:
        seq, ts_ns, kind, body, stored = row
        self.records += 1
        if not isinstance(seq, int):
            self.found(None, f"there is a record whose number is {seq!r}: the journal was altered")
            return
        if self.first_seq is None:
            self.first_seq = seq
        if seq != self.last_seq + 1 and self._is_out_of_line(seq):
            return
        if not self._follows(seq, ts_ns, body, stored):
            self.found(seq, "was altered, moved, or not written by the gateway: it does not match its hash")
        elif not self._is_of_kind(body, kind):
            self.found(seq, f"is marked as {kind}, and its body is of another kind")
        if seq in self.expected:
            for record_hash, source in self.expected.pop(seq):
                if record_hash != stored:
                    self.found(seq, f"is not the record that {source} names: the journal up to here was rewritten")
        self.last_seq = seq

    def _is_out_of_line(self, seq: int) -> bool:
        """Report a number that does not come next. True when the record is to be left out of the chain."""
        if seq <= self.last_seq:
            self.found(seq, "occurs more than once, or has no valid number")
            return True
        if seq == self.last_seq + 2:
            self.found(seq - 1, "is missing")
        else:
            self.found(self.last_seq + 1, f"is missing, and all up to {seq - 1}")
        # What came before is gone, so the first record behind a gap cannot be held against it.
        self._stored = self._computed = None
        return False

    def _follows(self, seq: int, ts_ns: object, body: object, stored: bytes) -> bool:
        """Whether the record's hash is right. Blames the one record that was touched, not all that follow it."""
        before, self._stored = self._stored, stored
        if before is None:
            self._computed = stored
            return True
        before_computed, self._computed = self._computed, link_stored(before, seq, ts_ns, body)
        if self._computed == stored:
            return True
        # When only the hash of the record before was altered, this one follows from what that should be.
        return before_computed is not None and link_stored(before_computed, seq, ts_ns, body) == stored

    def _is_of_kind(self, body: object, kind: str) -> bool:
        """The chain covers the body and not the column ``kind``, which is told from how the body begins."""
        opening = self._openings.get(kind)
        if opening is None:
            opening = self._openings[kind] = opening_of(str(kind))
        return isinstance(body, bytes) and body.startswith(opening)

    def report(self) -> AuditReport:
        return AuditReport(
            records=self.records,
            first_seq=self.first_seq,
            last_seq=self.last_seq if self.records else None,
            head_hash=self._stored.hex() if isinstance(self._stored, bytes) else "",
            problems=tuple(self._problems),
            omitted=self._omitted,
        )
