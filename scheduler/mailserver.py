"""Where e-mail is handed over, as `SMTP_URL` says: `smtps://user:password@mail.example.com?from=runrate@example.com`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

PORTS = {"smtp": 25, "smtps": 465}
SUBMISSION = 587
SWITCH: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
FORM = "is an address such as smtps://user:password@mail.example.com?from=runrate@example.com"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where e-mail is handed over, and who it is from."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    encrypted: bool = False
    """Encrypted from the first byte on, as `smtps` says."""
    starttls: bool | None = None
    """Whether encryption has to be agreed on; None: where the server offers it."""
    sender: str


def read_url(url: str, *, host: str) -> MailServer:
    """Read `SMTP_URL`; the sender is `runrate@` the public address's host unless it says otherwise.

    A password is never sent in clear unless `?starttls=no` asks for it. Raises ValueError, never with the value.
    """
    try:
        parts = urlsplit(url)
        port, asked = parts.port, dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ValueError(FORM) from error
    wanted = asked.pop("starttls", "").lower()
    sender = asked.pop("from", f"runrate@{host}")
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.fragment or asked:
        raise ValueError(FORM)
    if wanted not in {"", *SWITCH} or (wanted and parts.scheme == "smtps"):
        raise ValueError("takes ?starttls=yes or ?starttls=no, with smtp:// only")
    if not _is_address(sender):
        raise ValueError("takes one plain address after ?from=, such as runrate@example.com")
    user, password = (unquote(one) if one is not None else None for one in (parts.username, parts.password))
    return MailServer(
        host=parts.hostname,
        port=port or (SUBMISSION if user and parts.scheme == "smtp" else PORTS[parts.scheme]),
        user=user,
        password=password,
        encrypted=parts.scheme == "smtps",
        starttls=None if parts.scheme == "smtps" else SWITCH.get(wanted, True if password else None),
        sender=sender,
    )


def _is_address(text: str) -> bool:
    name, _, host = text.rpartition("@")
    return bool(name and host) and text.isascii() and not any(one.isspace() or one in '<>,;"' for one in text)
