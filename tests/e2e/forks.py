"""Processes of the gateway forked from one that has its modules imported and has judged the shipped policies: that is
nearly all that a start computes.

What is forked runs as ``python -m`` would, in a process, a session, an environment and with output of its own. What
only a fresh interpreter shows (an import that is missing) is left to the restarts that ask for one, under load above
all. Another seed of hashes is that of another server.

This file is both ends: ``ForkServer`` for the tests, and what it runs (``python -m tests.e2e.forks FD``).
"""

import array
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import msgspec

ROOT = Path(__file__).resolve().parents[2]
_APP = ("cli", "logs", "serve", "process", "checks", "explain", "order_check", "rollout_cli", "whatif", "doctor")
_PEOPLE = ("people.reads", "people.operator", "people.follow")
#: What is imported when a gateway runs, by it and by what it watches its files with.
_LATE = ("uvloop", "concurrent.futures.thread", "encodings.idna", "anyio.lowlevel", "anyio.streams.tls")
_SIZE = 4


class Forked:
    """One forked process, as far as tests use ``subprocess.Popen``."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._server.status(self.pid)
        return self.returncode

    def wait(self) -> int:
        while self.returncode is None:
            self.returncode = self._server.status(self.pid, must_wait=True)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """Starts on its first use. Used from one thread; gone, with all that it forked, when it is closed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._statuses: dict[int, int] = {}

    def fork(self, words: Sequence[str], environ: Mapping[str, str], output: int) -> Forked:
        """``python -m WORDS`` with this environment alone; ``output`` is the descriptor for all that it prints."""
        connection = self._connection()
        request = json.dumps({"words": list(words), "environ": dict(environ)}).encode()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [output]))
        connection.sendmsg([len(request).to_bytes(_SIZE, "big")], [rights])
        connection.sendall(request)
        while (pid := self._read()) is None:
            pass
        return Forked(self, pid)

    def status(self, pid: int, *, must_wait: bool = False) -> int | None:
        """The exit status of a process that ended, as ``subprocess`` has it: negative for a signal."""
        connection = self._connection()
        while pid not in self._statuses and (must_wait or _has_news(connection)):
            self._read()
        return self._statuses.pop(pid, None)

    def close(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()

    def _connection(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
            command = [sys.executable, "-m", "tests.e2e.forks", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
            theirs.close()
        return self._socket

    def _read(self) -> int | None:
        """One message: the pid of what was just forked, or None for the end of another, which is kept."""
        assert self._socket is not None
        message = json.loads(_exactly(self._socket, int.from_bytes(_exactly(self._socket, _SIZE), "big")))
        if "status" not in message:
            return int(message["pid"])
        self._statuses[message["pid"]] = message["status"]
        return None


def _has_news(connection: socket.socket) -> bool:
    poll = select.poll()  # takes any descriptor, however many streams a test holds open
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError("the other end is gone")
        data += part
    return data


def _send(connection: socket.socket, message: Any) -> None:
    data = json.dumps(message).encode()
    connection.sendall(len(data).to_bytes(_SIZE, "big") + data)


def _serve(connection: socket.socket) -> list[str]:
    """Fork at every request. Returns in the child alone, with the module that it runs, and its arguments."""
    wakes, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the tests end what they started
    running: set[int] = set()
    while True:
        ready, _, _ = select.select([connection, wakes], [], [])
        if wakes in ready:
            os.read(wakes, 4_096)
            try:
                _report(connection, running)
            except OSError:
                _end(running)
        if connection not in ready:
            continue
        try:
            size, rights, _, _ = connection.recvmsg(_SIZE, socket.CMSG_SPACE(_SIZE))
            request = json.loads(_exactly(connection, int.from_bytes(size, "big"))) if size else None
        except (ConnectionError, EOFError):
            request = None
        if request is None:
            _end(running)
        output = array.array("i", rights[0][2])[0]
        pid = os.fork()
        if pid == 0:
            for descriptor in (wakes, woken):
                os.close(descriptor)
            connection.close()
            _become(request["environ"], output)
            return [str(word) for word in request["words"]]
        os.close(output)
        running.add(pid)
        _send(connection, {"pid": pid})


def _report(connection: socket.socket, running: set[int]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            running.discard(pid)
            _send(connection, {"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _end(running: set[int]) -> NoReturn:
    """The tests are gone: nothing outlives them."""
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    sys.exit()


def _become(environ: Mapping[str, str], output: int) -> None:
    """What a new process would be: a session of its own, its own environment, every signal as at a start."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(environ)


def _judge_once() -> None:
    """The shipped policies without their cases, which is what a ``Site`` has, for all that is forked: a start has them
    judged in a process of its own, which takes longer than all the rest. Any others are judged as ever."""
    gate: Any = import_module("gateway.adapters.policy.gate")
    sources = import_module("gateway.adapters.policy.sources")
    read = sources.read_sources(ROOT / "policies")
    approve, shipped = gate.approve, gate.approve(msgspec.structs.replace(read, golden={}))

    def approve_others(asked: Any, *limits: float) -> Any:
        return shipped if asked == shipped.sources else approve(asked, *limits)

    gate.approve = approve_others


if __name__ == "__main__":
    for name in (*(f"gateway.app.{name}" for name in (*_APP, *_PEOPLE)), *_LATE):
        import_module(name)
    _judge_once()
    gc.collect()
    gc.freeze()  # a collection in what is forked would write to, and so copy, all of this memory
    sys.argv = _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
