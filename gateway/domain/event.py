"""What every event has."""

import msgspec


class Happening(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """It reached us at ``ts_ns``."""

    ts_ns: int
