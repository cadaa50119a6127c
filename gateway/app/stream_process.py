"""The process that serves streams: how it is run."""

import logging
import socket
from pathlib import Path

import msgspec

from gateway.adapters.worker_process import WorkerProcess
from gateway.app.stream_worker import Job

_log = logging.getLogger("gateway.streams")
_WORKER = "from gateway.app.stream_worker import main; main()"


async def serve_streams(data_dir: Path, end: socket.socket) -> str:
    """Run it until it ends, which it does when the other side of ``end`` is closed; why it ended. Raises OSError."""
    job = Job(data_dir=str(data_dir), channel=end.fileno())
    process = WorkerProcess(
        _WORKER, lambda line: _log.warning("%s", line.decode(errors="replace").strip()), (job.channel,)
    )
    return await process.run(msgspec.json.encode(job))
