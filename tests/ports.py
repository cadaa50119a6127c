"""Ports for servers of tests that go down and come back at the same address."""

import itertools
import os
import random
import socket

#: Below those that the system gives to clients, and to servers that ask for any: nobody takes one while its server is
#: down. Each worker has its own.
_FIRST, _PER_WORKER, _WORKERS = 10_000, 2_000, 11
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_next = itertools.count(random.randrange(_PER_WORKER))


def lasting_port() -> int:
    """One that nobody listens at, and that this process has not given for long."""
    while True:
        port = _FIRST + _worker * _PER_WORKER + next(_next) % _PER_WORKER
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
