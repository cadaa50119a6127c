"""Variables of the environment: where they come from, and which of them are secrets of alert channels."""

import os
from pathlib import Path

from gateway.adapters.config import read_env_file
from gateway.domain.settings import Settings


def environment(config_dir: Path) -> dict[str, str]:
    """The process's environment over the ``.env`` of the working directory and of the configuration folder."""
    found: dict[str, str] = {}
    for path in (config_dir / ".env", Path(".env")):
        if path.is_file():
            found.update(read_env_file(path))
    found.update(os.environ)
    return found


def secret_variables(settings: Settings) -> set[str]:
    """Names of variables that hold the secrets of alert channels, whatever they are called."""
    return {name for one in settings.notifications for name in (one.url_env, one.secret_env) if name}
