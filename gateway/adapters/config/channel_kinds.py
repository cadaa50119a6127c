"""Which keys a channel of alerts needs, by its kind."""

from collections.abc import Mapping

URL = ("url", "url_env")

#: By kind: groups of keys of which one each has to be given.
CHANNEL_NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "webhook": (URL,),
    "slack": (URL,),
    "discord": (URL,),
    "telegram": (("secret_env",), ("chat_id",)),
    "email": (("host",), ("sender",), ("recipients",)),
    "pagerduty": (("secret_env",),),
}
#: Keys that may be given beyond those.
CHANNEL_MORE: Mapping[str, tuple[str, ...]] = {
    "webhook": ("secret_env",),
    "telegram": ("url",),
    "email": ("port", "security", "username", "secret_env"),
    "pagerduty": ("url",),
}
