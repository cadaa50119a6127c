"""The rules of hadolint that can matter here, by its own codes: hadolint itself is a program of another language, which
few machines have."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Name and arguments of each, with continued lines joined and comments left out."""
    joined = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ")
    split = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(name.upper(), rest.strip()) for name, _, rest in split]


def findings(text: str) -> list[str]:
    """Codes of the rules that are broken, in the order of the rules."""
    found = instructions(text)
    return [code for code, is_broken in RULES.items() if is_broken(found)]


def _of(found: list[Instruction], *names: str) -> Iterator[str]:
    return (rest for name, rest in found if name in names)


def _commands(found: list[Instruction]) -> Iterator[str]:
    return (part.strip() for run in _of(found, "RUN") for part in re.split(r"&&|\|\||[;|]", run))


def _stages(found: list[Instruction]) -> list[str]:
    return [match[1] for rest in _of(found, "FROM") if (match := re.search(r"(?i)\sas\s+(\S+)", rest))]


def _is_not_json(rest: str) -> bool:
    try:
        return not isinstance(json.loads(rest), list)
    except ValueError:
        return True


def _is_no_port(word: str) -> bool:
    return not 0 < int(word.split("/")[0]) < 65_536


def _keeps_a_cache(found: list[Instruction]) -> bool:
    keeps = any("pip install" in one and "--no-cache-dir" not in one for one in _commands(found))
    return keeps and not any("PIP_NO_CACHE_DIR=1" in rest for rest in _of(found, "ENV"))


def _last_stage(found: list[Instruction]) -> list[Instruction]:
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def _sources(rest: str) -> list[str]:
    return [word for word in rest.split() if not word.startswith("--")]


def _from_unknown(found: list[Instruction]) -> bool:
    known = _stages(found)
    return any(word not in known for rest in _of(found, "COPY") for word in re.findall(r"--from=(\S+)", rest))


def _is_bad_shell(run: str) -> bool:
    return subprocess.run(["sh", "-n", "-c", run], capture_output=True, check=False).returncode != 0


RULES: dict[str, Callable[[list[Instruction]], bool]] = {
    "DL3000 WORKDIR is absolute": lambda f: any(not rest.startswith("/") for rest in _of(f, "WORKDIR")),
    "DL3002 the last user is not root": lambda f: [*_of(_last_stage(f), "USER")][-1:] in ([], ["root"], ["0"]),
    "DL3003 WORKDIR instead of cd": lambda f: any(one.startswith("cd ") for one in _commands(f)),
    "DL3004 no sudo": lambda f: any(one.startswith("sudo ") for one in _commands(f)),
    "DL3006 images have a version": lambda f: any(":" not in rest.split()[0] for rest in _of(f, "FROM")),
    "DL3007 and not latest": lambda f: any(rest.split()[0].endswith(":latest") for rest in _of(f, "FROM")),
    "DL3008 no apt without versions": lambda f: any(re.match(r"apt(-get)? install", one) for one in _commands(f)),
    "DL3011 ports exist": lambda f: any(_is_no_port(word) for rest in _of(f, "EXPOSE") for word in rest.split()),
    "DL3013 packages are pinned": lambda f: any(
        "pip install" in one and "--require-hashes" not in one and "--no-deps" not in one for one in _commands(f)
    ),
    "DL3020 COPY instead of ADD": lambda f: bool([*_of(f, "ADD")]),
    "DL3021 many sources go to a folder": lambda f: any(
        len(_sources(rest)) > 2 and not rest.endswith("/") for rest in _of(f, "COPY")
    ),
    "DL3022 stages that are copied from exist": _from_unknown,
    "DL3024 stages have names of their own": lambda f: len(_stages(f)) != len(set(_stages(f))),
    "DL3025 CMD and ENTRYPOINT are JSON": lambda f: any(map(_is_not_json, _of(f, "CMD", "ENTRYPOINT"))),
    "DL3042 pip keeps no cache": _keeps_a_cache,
    "DL3045 a relative copy has a WORKDIR": lambda f: any(
        name == "COPY" and not rest.split()[-1].startswith("/") and "WORKDIR" not in [one for one, _ in f[:index]]
        for index, (name, rest) in enumerate(f)
    ),
    "DL3046 no huge user id": lambda f: any(
        len(uid) > 5 for one in _commands(f) if one.startswith("useradd") for uid in re.findall(r"--uid (\d+)", one)
    ),
    "DL3057 there is a health check": lambda f: len([*_of(_last_stage(f), "HEALTHCHECK")]) != 1,
    "DL3059 one RUN, not several in a row": lambda f: any(a == b == "RUN" for (a, _), (b, _) in pairwise(f)),
    "DL4000 no MAINTAINER": lambda f: bool([*_of(f, "MAINTAINER")]),
    "DL4003 one CMD": lambda f: len([*_of(_last_stage(f), "CMD")]) > 1,
    "DL4004 one ENTRYPOINT": lambda f: len([*_of(_last_stage(f), "ENTRYPOINT")]) > 1,
    "DL4006 no pipe hides a failure": lambda f: any(re.search(r"[^|]\|[^|]", rest) for rest in _of(f, "RUN")),
    "SC1000 the shell can read it": lambda f: any(map(_is_bad_shell, _of(f, "RUN"))),
}
