"""Our order id in the forms that exchanges ask of a client order id, and back.

An exchange that wants a UUID gets one that holds our id (up to 23 characters of lower-case letters, digits, ``-`` and
``.``), so that what it tells of an order can be told ours also by a gateway that has forgotten it. A longer id becomes
a UUID by its name (RFC 9562, version 5), which can be made again but not read.
"""

import re
import string
import uuid

from gateway.adapters.venues.ccxt.known import IdForm

_ALPHABET = string.digits + string.ascii_lowercase + "-."
_BASE = len(_ALPHABET) + 1  # 0 is «nothing more»
_LONGEST = 23  # 39 to the power of 23 is below 2 to the power of 122, what a UUID leaves free
_NAMES = uuid.UUID("6d2b0d1e-6a51-5f0c-9c57-0d7c7a1f0a4e")
#: What the gateway's own ids look like; a foreign UUID, read as one of ours, practically never does.
_OURS = re.compile(r"[a-z]{0,3}[0-9a-f]+(?:-[0-9a-f.]+)+[a-z]?")


def client_id_of(order_id: str, form: IdForm) -> str:
    """The client order id of an order; empty when none is sent."""
    match form:
        case IdForm.TEXT:
            return order_id
        case IdForm.UUID:
            return str(_uuid_of(order_id))
        case IdForm.HEX:
            return _uuid_of(order_id).hex
        case IdForm.HEX0X:
            return f"0x{_uuid_of(order_id).hex}"
        case IdForm.NONE:
            return ""


def order_id_of(client_id: str, form: IdForm) -> str:
    """Our order id in a client order id, or the latter itself when it is not one of ours that can be read."""
    if form in (IdForm.TEXT, IdForm.NONE):
        return client_id
    try:
        text = _text_of(uuid.UUID(client_id.removeprefix("0x")))
    except ValueError:
        return client_id
    return text if _OURS.fullmatch(text) else client_id


def _uuid_of(order_id: str) -> uuid.UUID:
    if len(order_id) > _LONGEST or not set(order_id) <= set(_ALPHABET):
        return uuid.uuid5(_NAMES, order_id)
    number = 0
    for char in order_id.ljust(_LONGEST):
        number = number * _BASE + _ALPHABET.find(char) + 1
    # The version stands in bits 76 to 79 and the variant in 62 and 63: ours goes around them.
    high, middle, low = number >> 74, (number >> 62) & 0xFFF, number & (2**62 - 1)
    return uuid.UUID(int=high << 80 | 4 << 76 | middle << 64 | 2 << 62 | low)


def _text_of(number: uuid.UUID) -> str:
    if number.version != 4:
        return ""
    value = number.int >> 80 << 74 | (number.int >> 64 & 0xFFF) << 62 | number.int & (2**62 - 1)
    chars: list[str] = []
    for _ in range(_LONGEST):
        value, digit = divmod(value, _BASE)
        if digit:
            chars.append(_ALPHABET[digit - 1])
        elif chars:
            return ""  # a gap: not made here
    return "" if value else "".join(reversed(chars))
