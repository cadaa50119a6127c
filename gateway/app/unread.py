"""Why a journal could not be read, for a terminal."""


def unread(error: Exception) -> str:
    """The error of the journal, with what it is about where it does not say so itself."""
    text = str(error)
    says_so = text.startswith(("the journal cannot", "there is no journal"))
    return text if says_so else f"the journal cannot be read: {text}"
