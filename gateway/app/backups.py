"""``gateway backup`` and ``gateway restore``: in words for whoever runs them, often at a bad moment."""

import sys
from pathlib import Path

from gateway.adapters.journal.audit import AuditReport
from gateway.adapters.journal.backup import BackupRefused, restore_backup, take_backup


def backup(data_dir: Path, destination: Path) -> int:
    """0 only when the copy is there and verifies."""
    try:
        report = take_backup(data_dir, destination)
    except BackupRefused as refused:
        print(f"no backup: {refused}", file=sys.stderr)
        return 1
    print(f"{destination}: {_told(report)}")
    return 0


def restore(source: Path, data_dir: Path) -> int:
    """0 only when the data directory is there and verifies."""
    try:
        report = restore_backup(source, data_dir)
    except BackupRefused as refused:
        print(f"not restored: {refused}", file=sys.stderr)
        return 1
    print(f"{data_dir}: {_told(report)}")
    print("What happened after the backup is not in it: before orders go live again, compare open orders and positions")
    print("with every venue. A client_order_id that was used since then is free again.")
    return 0


def _told(report: AuditReport) -> str:
    return f"{report.records} records, verified; head {report.head_hash}"
