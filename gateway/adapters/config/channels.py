"""Channels of alerts: each kind has the keys that it needs, and no others."""

from gateway.adapters.config.channel_kinds import CHANNEL_MORE, CHANNEL_NEEDS, URL
from gateway.adapters.config.documents import Documents
from gateway.adapters.config.problems import shown
from gateway.adapters.config.tables import NOTIFICATIONS

_ALL = ("name", "kind", "min_severity")
_HINTS = {
    URL: "url_env names the environment variable that holds an address which is itself a secret",
    ("secret_env",): "it names the environment variable that holds the bot's token or the routing key",
}


def check_channels(documents: Documents) -> None:
    """Each kind has its keys and no others; names are unique."""
    document = documents[NOTIFICATIONS]
    names: set[str] = set()
    for index, channel in enumerate(document.get("channels", default=[])):
        place = document.place("channels", index)
        kind = channel.get("kind", "webhook")
        needs = CHANNEL_NEEDS.get(kind, ())
        for group in needs:
            if sum(document.is_written("channels", index, key) for key in group) != 1:
                must = f"must have either {' or '.join(group)}" if len(group) > 1 else f"must have {group[0]}"
                documents.problems.add(place, f"{must} (kind {kind})", hint=_HINTS.get(group, ""))
        known = {*_ALL, *(key for group in needs for key in group), *CHANNEL_MORE.get(kind, ())}
        for key in channel:
            if key not in known:
                documents.problems.add(place, f"has {key}, which means nothing for kind {kind}")
        if "username" in channel and "secret_env" not in channel:
            documents.problems.add(
                place, "has a username and no secret_env", hint="it names the variable of the password"
            )
        if channel.get("name") in names:
            documents.problems.add(place, "has a name that is given twice", shown(channel["name"]))
        names.add(channel.get("name", ""))
