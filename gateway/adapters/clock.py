"""The system's clock: the only place that reads it."""

import time


class SystemClock:
    """Implements ``ports.clock.Clock``."""

    now_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)
