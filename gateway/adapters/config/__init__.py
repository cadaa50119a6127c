"""The configuration: six YAML files and the environment to ``Settings``, or every problem at once.

``loading`` reads and parses, ``start`` falls back on the last good files, ``watcher`` follows edits,
``difference`` says in words what an edit changed, ``keys`` makes API keys. The way of a file: ``yaml_text`` (nodes
with lines) -> ``schema`` with ``tables`` (what may stand where) -> ``environment`` (overrides) -> ``rules``
(across files) -> ``build`` (settings).
"""

from gateway.adapters.config.difference import describe_difference
from gateway.adapters.config.env_file import read_env_file
from gateway.adapters.config.keys import make_key
from gateway.adapters.config.last_good import LastGood, LastGoodCorrupt
from gateway.adapters.config.loading import Loaded, load, load_files, parse, read_files
from gateway.adapters.config.pointing import pointed
from gateway.adapters.config.problems import ConfigInvalid, ConfigProblem
from gateway.adapters.config.revision import revision_of
from gateway.adapters.config.start import StartResult, load_last_good, start_settings
from gateway.adapters.config.watcher import ConfigWatcher

__all__ = [
    "ConfigInvalid",
    "ConfigProblem",
    "ConfigWatcher",
    "LastGood",
    "LastGoodCorrupt",
    "Loaded",
    "StartResult",
    "describe_difference",
    "load",
    "load_files",
    "load_last_good",
    "make_key",
    "parse",
    "pointed",
    "read_env_file",
    "read_files",
    "revision_of",
    "start_settings",
]
