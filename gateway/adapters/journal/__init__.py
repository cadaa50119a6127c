"""The journal on one SQLite file: what was decided, in order and tamper-evident, and the orders that are done.

In the data directory lie ``journal.sqlite3`` (with its ``-wal`` and ``-shm`` while in use), ``journal.head`` (the
anchor: how far the journal is known to reach) and ``journal.lock`` (who owns the directory).
"""

from gateway.adapters.journal.audit import AuditReport, Problem, verify
from gateway.adapters.journal.lock import JournalLocked
from gateway.adapters.journal.sqlite import SqliteJournal

__all__ = ["AuditReport", "JournalLocked", "Problem", "SqliteJournal", "verify"]
