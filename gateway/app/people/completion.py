"""``gateway completion``: what completes the commands in bash, zsh and fish, made from the parser itself.

All three walk the words before the cursor to find the command (``" alerts ack"``), then offer what that command takes.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_HOW = {
    "bash": "source <(gateway completion bash)",
    "zsh": "source <(gateway completion zsh)        # after compinit",
    "fish": "gateway completion fish | source",
}


class Option(NamedTuple):
    """``choices`` are its values where they are known; ``is_path`` means a file or folder."""

    names: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]
    is_path: bool


class Command(NamedTuple):
    """``path`` is a space before each word, empty for the program itself; ``words`` are (word, help)."""

    path: str
    words: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script of one shell, to be sourced."""
    commands = list(_commands(parser))
    lines = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)
    head = "#compdef gateway\n" if shell == "zsh" else ""
    return f"{head}# Completes `gateway` in {shell}: {_HOW[shell]}\n" + "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser, path: str = "") -> Iterator[Command]:
    words: list[tuple[str, str]] = []
    options = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            words += [(word, helps.get(word, "")) for word in action.choices]
            below += [(f"{path} {word}", one) for word, one in action.choices.items()]
        elif not action.option_strings:
            words += [(str(word), "") for word in action.choices or ()]
        else:
            choices = tuple(str(one) for one in action.choices or ())
            names = tuple(action.option_strings)
            options.append(Option(names, action.help or "", action.nargs != 0, choices, action.type is Path))
    yield Command(path, tuple(words), tuple(options))
    for deeper, one in below:
        yield from _commands(one, deeper)


def _places(path: str, option: Option) -> list[str]:
    return [f'"{path} {one}"' for one in option.names]


def _known_paths(commands: Sequence[Command]) -> str:
    return " | ".join(f'"{one.path}"' for one in commands if one.path)


def _valued(commands: Sequence[Command]) -> list[tuple[str, Option]]:
    """Each option that takes a value, with the patterns that stand for it."""
    return [
        (" | ".join(_places(one.path, option)), option)
        for one in commands
        for option in one.options
        if option.takes_value
    ]


def _offered(command: Command) -> str:
    return " ".join([word for word, _ in command.words] + [name for option in command.options for name in option.names])


def _bash(commands: Sequence[Command]) -> list[str]:
    values = [f"    {place}) {_bash_value(option)} ;;" for place, option in _valued(commands)]
    return [
        "_gateway() {",
        '  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} place="" at',
        "  COMPREPLY=()",
        '  [[ $current == "=" ]] && current=""',
        '  [[ $before == "=" ]] && before=${COMP_WORDS[COMP_CWORD-2]}',
        "  for ((at = 1; at < COMP_CWORD; at++)); do",
        '    case "$place ${COMP_WORDS[at]}" in',
        f'      {_known_paths(commands)}) place="$place ${{COMP_WORDS[at]}}" ;;',
        "    esac",
        "  done",
        '  case "$place $before" in',
        *values,
        "  esac",
        '  case "$place" in',
        *[f'    "{one.path}") COMPREPLY=($(compgen -W "{_offered(one)}" -- "$current")) ;;' for one in commands],
        "  esac",
        "}",
        "complete -o default -F _gateway gateway",
    ]


def _bash_value(option: Option) -> str:
    if option.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$current")); return'
    return "return" if option.is_path else "compopt +o default; return"


def _zsh(commands: Sequence[Command]) -> list[str]:
    return [
        "_gateway() {",
        '  local place="" at',
        "  local -a found",
        "  for ((at = 2; at < CURRENT; at++)); do",
        '    case "$place ${words[at]}" in',
        f'      ({_known_paths(commands)}) place="$place ${{words[at]}}" ;;',
        "    esac",
        "  done",
        '  case "$place ${words[CURRENT-1]}" in',
        *[f"    ({place}) {_zsh_value(option)} ;;" for place, option in _valued(commands)],
        "  esac",
        '  case "$place" in',
        *[f'    ("{one.path}") found=({_described(one)}); _describe gateway found || _files ;;' for one in commands],
        "  esac",
        "}",
        'if [[ $funcstack[1] == _gateway ]]; then _gateway "$@"; else compdef _gateway gateway; fi',
    ]


def _zsh_value(option: Option) -> str:
    if option.choices:
        return f"compadd -- {' '.join(option.choices)}; return"
    return "_files; return" if option.is_path else "return"


def _described(command: Command) -> str:
    options = [(name, option.help) for option in command.options for name in option.names]
    pairs = [f"{word}:{text}" if text else word for word, text in (*command.words, *options)]
    return " ".join("'" + pair.replace("'", "'\\''") + "'" for pair in pairs)


def _fish(commands: Sequence[Command]) -> list[str]:
    paths = " ".join(f"'{one.path}'" for one in commands if one.path)
    lines = [
        "function __gateway_at",
        "  set -l place ''",
        "  for word in (commandline -opc)[2..-1]",
        f'    contains -- "$place $word" {paths}; and set place "$place $word"',
        "  end",
        '  test "$place" = "$argv[1]"',
        "end",
    ]
    for one in commands:
        at = f"complete -c gateway -n '__gateway_at \"{one.path}\"'"
        lines += [f"{at} -f -a {word} -d {_fish_quoted(text)}" for word, text in one.words]
        lines += [f"{at} {_fish_option(option)} -d {_fish_quoted(option.help)}" for option in one.options]
    return lines


def _fish_option(option: Option) -> str:
    names = " ".join(f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}" for one in option.names)
    if option.choices:
        return f"{names} -x -a '{' '.join(option.choices)}'"
    return f"{names} -r -F" if option.is_path else f"{names} -x" if option.takes_value else names


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
