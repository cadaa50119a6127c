"""Make an API key. The key is shown once; only its hash goes into principals.yaml."""

import hashlib
import secrets

from gateway.adapters.config.kinds import Unfit
from gateway.adapters.config.words import choice, read_name
from gateway.domain.enums import Role

_PREFIX = "gk_"
_BYTES = 32


def make_key(name: str, role: str) -> tuple[str, str]:
    """A new key, and the entry for principals.yaml that admits it.

    Raises ``ValueError`` in words when the name or the role cannot be one.
    """
    try:
        principal, kind = read_name(name), choice(Role).read(role)
    except Unfit as unfit:
        hint = f" ({unfit.hint})" if unfit.hint else ""
        raise ValueError(f"{unfit.rule}{hint}") from None
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key, f'  - name: "{principal}"\n    role: {kind.value}\n    key_sha256: "{digest}"\n'
