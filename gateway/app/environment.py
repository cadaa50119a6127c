"""Variables of the environment: where they come from, and which of them are secrets of alert channels."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.adapters.config import read_env_file
from gateway.domain.settings import Settings


def environment(config_dir: Path) -> dict[str, str]:
    """The process's environment over the ``.env`` of the working directory and of the configuration folder."""
    found: dict[str, str] = {}
    for path in env_files(config_dir):
        if path.is_file():
            found.update(read_env_file(path))
    found.update(os.environ)
    return found


def env_files(config_dir: Path) -> tuple[Path, Path]:
    """Where secrets may stand; what the later one says goes before the earlier one."""
    return config_dir / ".env", Path(".env")


def secret_variables(settings: Settings) -> set[str]:
    """Names of variables that hold the secrets of alert channels, whatever they are called."""
    return {name for one in settings.notifications for name in (one.url_env, one.secret_env) if name}


def unset_variables(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Alert channels that nothing can be sent to, for want of a variable; the environment is read at the start only."""
    return tuple(
        f"notifications.yaml: channel {one.name} reaches nobody: {name} is not set in the environment or .env; set it, "
        "and restart the gateway"
        for one in settings.notifications
        for name in (one.url_env, one.secret_env)
        if name and not environ.get(name, "").strip()
    )
