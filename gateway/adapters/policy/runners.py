"""The two ways in which the embedded engine (regorus) evaluates: compiled, and interpreted.

Compiled (the RVM) is four to six times faster. The interpreter keeps closer to OPA: on OPA's own conformance
cases the RVM is known to go wrong with ``else``, with default functions and with undefined values inside a list.
The load gate therefore lets the compiled form decide only where it agrees with the interpreter.

Both are bound to the thread that made them, like everything of regorus.
"""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import regorus

DECISION = "data.trading.decision"

#: What regorus answers when a rule has no value, as JSON text.
UNDEFINED = '"<undefined>"'

#: The modules that were parsed last in this thread: an engine is bound to the thread that made it.
_LAST = threading.local()
_PLACE = re.compile(r"-->\s*(?P<file>.+?):(?P<line>\d+):\d+")
_ERROR = re.compile(r"^error: (?P<text>.+)$", re.MULTILINE)


class Runner(Protocol):
    """Answers one rule for one document, both as JSON text. Raises what regorus raises."""

    def decide(self, document: str) -> str: ...


class CompiledRunner:
    """The rule compiled to regorus' virtual machine."""

    def __init__(self, modules: Mapping[str, str], data: Mapping[str, Any], rule: str = DECISION) -> None:
        data_json = json.dumps(data)
        program = regorus.Program.compile_from_modules(data_json, list(modules.items()), [rule])
        self._machine = regorus.Rvm()
        self._machine.load_program(program)
        self._machine.set_data_json(data_json)

    def decide(self, document: str) -> str:
        self._machine.set_input_json(document)
        answer: str = self._machine.execute()
        return answer


class InterpretedRunner:
    """The rule evaluated from its syntax tree."""

    def __init__(self, modules: Mapping[str, str], data: Mapping[str, Any], rule: str = DECISION) -> None:
        self._rule = rule
        self._engine = parsed_engine(modules)
        self._engine.add_data_json(json.dumps(data))

    def decide(self, document: str) -> str:
        self._engine.set_input_json(document)
        answer: str = self._engine.eval_rule_as_json(self._rule)
        return answer


def make_runner(modules: Mapping[str, str], data: Mapping[str, Any], *, is_compiled: bool) -> Runner:
    return CompiledRunner(modules, data) if is_compiled else InterpretedRunner(modules, data)


def parsed_engine(modules: Mapping[str, str]) -> Any:
    """An engine that holds the parsed modules. Raises RuntimeError for one that does not parse.

    A copy of the one that parsed them: golden cases bring data of their own, and each wants an engine.
    """
    texts = tuple(modules.items())
    if getattr(_LAST, "texts", None) != texts:
        engine = regorus.Engine()
        for name, text in texts:
            engine.add_policy(name, text)
        _LAST.texts, _LAST.engine = texts, engine
    return _LAST.engine.clone()


def is_panic(error: BaseException) -> bool:
    """Whether this is a Rust panic: a BaseException of a class that cannot be imported."""
    return type(error).__name__ == "PanicException"


def describe(error: BaseException) -> tuple[str, int, str]:
    """File, line and words of a regorus error, whose text is a drawing and sometimes a stack trace."""
    text = str(error).partition("Stack backtrace:")[0]
    place = _PLACE.search(text)
    words = _ERROR.search(text)
    plain = words["text"] if words else " ".join(text.split()) or type(error).__name__
    return (place["file"], int(place["line"]), plain) if place else ("", 0, plain)
