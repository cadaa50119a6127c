"""What of an edit is read at the next start only: why that start would fail with it, and that it waits until then.

An edit that takes effect is also what the next start falls back to. So what would fail there is refused while the
gateway runs, and not found out when it has to come back in a hurry.
"""

import asyncio
from pathlib import Path

from gateway.adapters.http.listening import why_no_tls, why_not_there
from gateway.adapters.policy.loader import check as check_policies
from gateway.domain.settings import ServerSettings, Settings

#: Settings that are read once: an edit of these is told, and takes effect at the next start.
_READ_AT_START = ("server", "storage", "policy", "simulator")


async def unusable_at_start(old: Settings, new: Settings, config_dir: Path) -> tuple[str, ...]:
    """Why a gateway could not start with what the edit ``new`` of the running ``old`` says for the next start."""
    found = (*unreachable_host(old, new), *broken_tls(old, new))
    if new.policy.path != old.policy.path:
        problems = await asyncio.to_thread(check_policies, config_dir / new.policy.path)
        found += tuple(f"gateway.yaml: policy.path {new.policy.path} cannot be used: {problem}" for problem in problems)
    return found


def unreachable_host(old: Settings | None, new: Settings) -> tuple[str, ...]:
    """Why a gateway with ``new`` would not start where it is to listen. Keys that are withdrawn go all the same: nobody
    must keep them for that, and without any only this machine is heard."""
    if old is not None and old.principals:
        return ()
    problem = why_not_there(new.server, has_keys=bool(new.principals))
    return (f"gateway.yaml: {problem}",) if problem else ()


def broken_tls(old: Settings | None, new: Settings) -> tuple[str, ...]:
    """Why no server could speak TLS with the files that ``new`` names. What is named already is no part of an edit."""
    if old is not None and _tls_of(old.server) == _tls_of(new.server):
        return ()
    problem = why_no_tls(new.server)
    return (f"gateway.yaml: {problem}",) if problem else ()


def waiting_for_a_start(running: Settings, new: Settings) -> tuple[str, ...]:
    """What of ``new`` is in force and does nothing yet, for this process began with something else."""
    return tuple(
        f"gateway.yaml: `{name}` was edited and takes effect at the next start; until then it is as it was"
        for name in _READ_AT_START
        if getattr(running, name) != getattr(new, name)
    )


def _tls_of(server: ServerSettings) -> tuple[str, str]:
    return server.tls_cert, server.tls_key
