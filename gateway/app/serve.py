"""``gateway serve``: from folders to a running server, and back down on a signal.

A start is imports for the most part, and judging the policies, which a process of its own does. So what that needs is
found out with few imports, and the rest (``process``) is loaded beside it.
"""

import contextlib
import gc
import sys
import threading
from pathlib import Path

from gateway.adapters.config import ConfigInvalid, start_settings
from gateway.adapters.policy.gate import Gate
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.sources import PoliciesInvalid
from gateway.app.environment import environment, secret_variables
from gateway.app.logs import hide_secrets


def serve(config_dir: Path, data_dir: Path, host: str | None, port: int | None) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit status."""
    gc.disable()  # what a start makes stays: looking through it again and again is a sixth of the start
    try:
        environ = environment(config_dir)
        hide_secrets(environ)
        if data_dir.exists() and not data_dir.is_dir():
            raise NotADirectoryError(f"{data_dir} is not a folder: --data names the one of the journal")
        data_dir.mkdir(parents=True, exist_ok=True)
        start = start_settings(config_dir, data_dir, environ)
        hide_secrets(environ, secret_variables(start.settings))
    except ConfigInvalid as invalid:
        for problem in invalid.problems:
            print(problem, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"the folders cannot be used: {error}", file=sys.stderr)
        return 2
    gate = Gate()
    loader = PolicyLoader(config_dir / start.settings.policy.path, gate=gate)
    threading.Thread(target=_judge_ahead, args=(loader,), name="policies").start()
    from gateway.app.process import run

    return run(start, gate, config_dir, data_dir, environ, host, port)


def _judge_ahead(loader: PolicyLoader) -> None:
    """The gate remembers what passed. What does not is judged again, and told, when it is to be taken into use."""
    with contextlib.suppress(PoliciesInvalid):
        loader.load()
