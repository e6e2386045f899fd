"""What people typed, without what Slack makes of it: links of addresses and channels, entities of three characters."""

import re

_LINK = re.compile(r"<(?:mailto:)?(?P<mark>[#@]?)(?P<target>[^<>|!][^<>|]*)(?:\|(?P<name>[^<>]*))?>")
_QUOTES = "\"'“”„‘’«» "


def plain(text: str) -> str:
    """Give the words as they were typed, on one line."""
    unlinked = _LINK.sub(lambda link: link["mark"] + (link["name"] or link["target"]), " ".join(text.split()))
    return unlinked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def name_in(text: str) -> str:
    """Read the name that follows a command's word, quoted or not."""
    _, _, rest = " ".join(text.split()).partition(" ")
    return plain(rest).strip(_QUOTES)
