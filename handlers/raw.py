"""A refused record as it came in, kept for whoever has to mend it: without obvious secrets, and cut to a size.

What a source sent is kept without what says who a person is, too; the rows of a file are whoever imports it's own.
"""

import re
from datetime import datetime
from typing import Any

from handlers.senders.reading import Refused
from models.base import json_bytes
from models.event import NewEvent, Refusal
from models.source import KEY_PREFIX

MOST_BYTES = 8 * 1024
HIDDEN = "[hidden]"

_SECRET_NAMES = {
    "accesstoken",
    "apikey",
    "authorization",
    "clientsecret",
    "cookie",
    "password",
    "refreshtoken",
    "secret",
    "sharedsecret",
    "token",
    "writekey",
    "xapikey",
}
_PERSONAL_NAMES = {
    "address", "avatar", "birthday", "city", "emails", "ip", "ipaddress", "latitude", "linkedin", "longitude", "mobile",
    "person", "phone", "phones", "phonenumber", "postalcode", "street", "title", "twitter", "useragent", "zip",
}  # fmt: skip
_PERSONAL_ENDINGS = ("email", "name")
"""Names end so too: `first_name`, `accountName`."""
_EMAIL_TEXT = re.compile(r"[^\s@\"'<>,;:()]+@[^\s@\"'<>,;:()]+")
_SECRET_TEXT = re.compile(
    rf"xox[a-z]-[\w-]+|xapp-[\w-]+|https://hooks\.slack\.com/[^\s\"]+|{KEY_PREFIX}_[\w-]+"
    r"|whsec_\w+|[rs]k_(?:live|test)_\w+"
    r"|(?:Bearer|Basic) [\w.~+/=-]{16,}"
)


def keepable(record: Any) -> dict[str, Any]:
    """Make of a refused record what may be stored: an object of at most 8 KB that both databases take."""
    return _cut(_clean(record))


def redacted(record: Any) -> dict[str, Any]:
    """Make the same of it without names, e-mail addresses and what else says who somebody is."""
    return _cut(_impersonal(_clean(record)))


def refused_event(record: Refused, *, workspace_id: str, source_id: str, received_at: datetime) -> NewEvent:
    """Make of a refused record the event that is stored, however it came in."""
    return NewEvent(
        workspace_id=workspace_id,
        source_id=source_id,
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        occurred_at=received_at,
        received_at=received_at,
        raw=redacted(record.raw),
        refusal=Refusal(_EMAIL_TEXT.sub(HIDDEN, record.field), record.reason),
    )


def _cut(clean: Any) -> dict[str, Any]:
    kept: dict[str, Any] = clean if isinstance(clean, dict) else {"value": clean}
    content = json_bytes(kept)
    if len(content) <= MOST_BYTES:
        return kept
    # The cut text is JSON within JSON, where each quote takes two bytes.
    return {"cut": content[: MOST_BYTES // 2 - len('{"cut":""}')].decode(errors="ignore")}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean(name): HIDDEN if _is_secret(name) else _clean(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_clean(child) for child in value]
    if isinstance(value, str):
        return _SECRET_TEXT.sub(HIDDEN, value.replace("\0", "�").encode(errors="replace").decode())
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def _impersonal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _impersonal(name): HIDDEN if _is_personal(name) and child is not None else _impersonal(child)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_impersonal(child) for child in value]
    return _EMAIL_TEXT.sub(HIDDEN, value) if isinstance(value, str) else value


def _is_personal(name: str) -> bool:
    plain = _plain(name)
    return plain in _PERSONAL_NAMES or plain.endswith(_PERSONAL_ENDINGS)


def _is_secret(name: str) -> bool:
    return _plain(name) in _SECRET_NAMES


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()
