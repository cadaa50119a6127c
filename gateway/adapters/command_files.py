"""Files with which a person at the machine stops trading when nothing else answers: ``KILL`` and ``FLATTEN`` in the
data directory. What stands in a file is the reason."""

from pathlib import Path

_LONGEST_REASON = 200


class CommandFiles:
    """Implements ``service.commands.CommandFiles``."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir

    def reason(self, name: str) -> str | None:
        """The reason in the file ``name``, or None when there is no such file. One that cannot be read counts."""
        path = self._dir / name
        if not path.exists():
            return None
        try:
            words = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
        except OSError:
            words = ""
        return "".join(char for char in words if char.isprintable())[:_LONGEST_REASON] or f"the file {name}"

    def made_ns(self, name: str) -> int:
        """When the file was last written; 0 when that cannot be told."""
        try:
            return (self._dir / name).stat().st_mtime_ns
        except OSError:
            return 0
