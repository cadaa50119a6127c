"""Where a benchmark happens: a scratch folder on a real disk, and the processes that it needs, all of which end."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from tests.bench.load_result import LoadOrder, LoadResult
from tests.bench.workload import synthetic_symbols

ROOT = Path(__file__).resolve().parents[2]
_READY = re.compile(r"ready on https?://[^:]+:(\d+)")
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 15.0
_LOAD_TIMEOUT_S = 900.0


#: Where journals are written unless told otherwise: a temporary folder is often in memory.
SCRATCH = ROOT / "build" / "bench"


class BenchError(Exception):
    """A benchmark could not be carried out. A figure that was missed is not one of these."""


class Server:
    """A process that listens, once ``ready`` is printed. ``start_s``: from its start until then."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, start_s: float) -> None:
        self.process = process
        self.port = port
        self.start_s = start_s

    def cpu_s(self) -> float:
        """CPU time of all its threads so far (Linux; elsewhere 0)."""
        return _cpu_s(self.process.pid)

    def helpers_cpu_s(self) -> float:
        """CPU time of the processes that it has started and that still run (Linux; elsewhere 0)."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return sum(_cpu_s(int(pid)) for pid in children.read_text().split()) if children.exists() else 0.0

    def memory_mib(self) -> dict[str, float]:
        """``VmRSS`` and ``VmHWM`` (Linux), else ``VmRSS`` alone, by ``ps``."""
        pid = self.process.pid
        status = Path(f"/proc/{pid}/status")
        if not status.exists():
            done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
            return {"VmRSS": int(done.stdout) / 1024}
        found = re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return {name: int(kib) / 1024 for name, kib in found}


class Player:
    """The process that plays a recorded journal to the page. Leaving the ``with`` block ends it."""

    def __init__(self, data: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.replayed_day", str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment(),
        )
        found = re.search(r"ready on http://[^:]+:(\d+) (\d+)", self._line())
        if found is None:
            raise BenchError("the recorded day cannot be played")
        self.port, self.records = int(found[1]), int(found[2])

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def play_to(self, seq: int) -> None:
        """Everything up to that record has happened."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seq}\n")
        self._process.stdin.flush()
        if self._line().strip() != str(seq):
            raise BenchError("the player of the recorded day has ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()  # ends its input, and it ends with that
        if self._process.returncode:
            raise BenchError(f"the player of the recorded day ended with status {self._process.returncode}")


class Stage:
    """A scratch folder and child processes; leaving the ``with`` block ends and removes all of them.

    ``gateway`` is the command before ``serve``: another build can be measured with the same load.
    """

    def __init__(self, parent: Path | None = None, gateway: Sequence[str] = ()) -> None:
        self._parent = parent or SCRATCH
        self._gateway = list(gateway) or [sys.executable, "-m", "gateway"]
        self._processes: list[subprocess.Popen[str]] = []
        self._loads = 0
        #: What a person should know besides the figures.
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        self._parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=self._parent))
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            self._end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def config(self, name: str, synthetic: int = 0, ticks_per_s: int = 1_000) -> Path:
        """A copy of config/ and policies/; with ``synthetic`` that many invented instruments that tick."""
        folder = self.folder / name / "config"
        shutil.copytree(ROOT / "config", folder)
        shutil.copytree(ROOT / "policies", folder.parent / "policies")
        if synthetic:
            lines = [
                f"    - {{symbol: {one.name}, reference_px: {one.px}, tick_size: {one.tick}}}"
                for one in synthetic_symbols(synthetic)
            ]
            (folder / "instruments.yaml").write_text("symbols:\n  equities:\n" + "\n".join(lines) + "\n")
            path = folder / "gateway.yaml"
            text, count = re.subn(r"(?m)^  ticks_per_s: \d+", f"  ticks_per_s: {ticks_per_s}", path.read_text())
            if count != 1:
                raise BenchError("config/gateway.yaml has no market_data.ticks_per_s to change")
            path.write_text(text)
        return folder

    def data(self, name: str) -> Path:
        folder = self.folder / name / "data"
        folder.mkdir(parents=True)
        return folder

    def gateway(self, config: Path, data: Path) -> Server:
        """A gateway of these folders that says it is ready."""
        arguments = ["serve", "--config", str(config), "--data", str(data), "--port", "0", "--log-level", "WARNING"]
        return self._serve([*self._gateway, *arguments], "gateway")

    def bare(self, reply_bytes: int) -> Server:
        return self._serve([sys.executable, "-m", "tests.bench.bare", str(reply_bytes)], "bare handler")

    def load(self, order: LoadOrder) -> LoadResult:
        """What one load generator found."""
        command, out = self.load_command(order)
        self.run(command, _LOAD_TIMEOUT_S)
        return read_result(out)

    def load_command(self, order: LoadOrder) -> tuple[list[str], Path]:
        """The command of one load generator, and where it leaves what it found."""
        self._loads += 1
        out = self.folder / f"load-{self._loads}.json"
        return [sys.executable, "-m", "tests.bench.load", msgspec.json.encode(order).decode(), str(out)], out

    def run(self, command: Sequence[str], timeout_s: float) -> str:
        """Standard output of a command that must succeed."""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout_s, cwd=self.folder, env=environment()
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{command[2:4]} did not end within {timeout_s:g} s") from None
        if done.returncode:
            raise BenchError(f"{command[2:4]} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def player(self, data: Path) -> Player:
        """What plays the journal of a gateway that has stopped."""
        return Player(data, self.folder)

    def kill(self, server: Server) -> None:
        """As a power cut would end it."""
        server.process.kill()
        server.process.wait(_STOP_TIMEOUT_S)

    def stop(self, server: Server) -> None:
        self._end(server.process)

    def _serve(self, command: Sequence[str], what: str) -> Server:
        log = (self.folder / f"{what.split()[0]}-{len(self._processes)}.log").open("w+")
        started_s = time.perf_counter()
        with log:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env=environment()
            )
        self._processes.append(process)
        watchdog = threading.Timer(_START_TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                ready = _READY.search(line)
                if ready is not None:
                    return Server(process, int(ready[1]), time.perf_counter() - started_s)
        finally:
            watchdog.cancel()
        raise BenchError(f"the {what} did not start:\n{Path(log.name).read_text()[-3000:]}")

    def _end(self, process: "subprocess.Popen[str]") -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.complaints.append(f"{process.args!r} did not end within {_STOP_TIMEOUT_S:g} s of SIGTERM")
                process.kill()
                process.wait(_STOP_TIMEOUT_S)
            if process.returncode:
                self.complaints.append(f"{process.args!r} ended with status {process.returncode}")
        if process.stdout is not None:
            process.stdout.close()


def _cpu_s(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_result(path: Path) -> LoadResult:
    """What a load generator left; its file goes."""
    result = msgspec.json.decode(path.read_bytes(), type=LoadResult)
    path.unlink()
    return result


def environment() -> dict[str, str]:
    """Of child processes: ours, so that modules of this repository are found from the scratch folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
