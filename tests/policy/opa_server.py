"""Finding OPA and running a real server of it for a test."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.ports import lasting_port

ROOT = Path(__file__).resolve().parents[2]


def find_opa() -> str | None:
    """The OPA binary: GATEWAY_OPA, the PATH, .tools/bin, in that order."""
    named = os.environ.get("GATEWAY_OPA")
    if named:
        return named
    built = ROOT / ".tools" / "bin" / "opa"
    return shutil.which("opa") or (str(built) if built.exists() else None)


def require_opa() -> str:
    """The OPA binary. Without one the test is skipped, saying so; in CI it fails."""
    opa = find_opa()
    if opa is not None:
        return opa
    how = "run `make opa` (Go builds it)" if shutil.which("go") else "install OPA 1.x, or Go and run `make opa`"
    text = f"NOT CHECKED AGAINST OPA: there is no opa in GATEWAY_OPA, PATH or .tools/bin; {how}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def run_opa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([require_opa(), *arguments], capture_output=True, text=True, timeout=60)


class OpaServer:
    """A running server; ``stop`` and ``start`` are for tests of what an outage does."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.port = lasting_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [require_opa(), "run", "--server", "--addr", f"127.0.0.1:{self.port}"]
        self._command += ["--log-level", "error", "--disable-telemetry", *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1):
                    return
            except OSError as error:
                if "401" in str(error) or self._process.poll() is not None:
                    return  # it answers, if only to say no; or it is dead and the test will tell
                time.sleep(0.02)
        raise AssertionError("the OPA server did not come up in time")

    def pause(self) -> None:
        """Have it think about what comes, and answer nothing until ``go_on``; returns when it does: the signal alone
        may take a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def policy_names(self) -> list[str]:
        return [policy["id"] for policy in json.loads(self._request("GET", "/v1/policies"))["result"]]

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.url}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            content: bytes = response.read()
            return content


@contextmanager
def opa_server(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[OpaServer]:
    """A server on a free loopback port, ended with the block."""
    server = OpaServer(*arguments, environment=environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()
