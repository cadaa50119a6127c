"""Standard output as commands find it: a pipe without a reader, a terminal without some letters, nothing."""

import io
import os
import sys
from collections.abc import Callable

#: What a shell reports of a program whose reader went away: 128 and SIGPIPE.
CUT_SHORT = 141
INTERRUPTED = 130


def run_on_console(command: Callable[[], int]) -> int:
    """The exit status of ``command``. One whose words reached nobody has not succeeded, whatever it came to."""
    _make_ready()
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()  # here, where it can still be told: at exit it is a traceback
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer goes nowhere, instead of failing again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_SHORT


def _make_ready() -> None:
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
