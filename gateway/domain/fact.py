"""What every fact has."""

import msgspec


class Recorded(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """Decided or happened at ``ts_ns``."""

    ts_ns: int
