"""A CRM: how we get into it, and which of its fields say what. Only what is checked here ever reaches a request.

All of it is kept encrypted, as one. What is secret is entered and never shown again; where none is entered, the one
before stays.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from models.base import UserError
from models.source import SourceKind

A = TypeVar("A")

EVERYTHING, CHANGES = "everything", "changes"
"""What is read of a CRM: all of it once a day, and between what changed."""

OWNER = "owner"
"""The role that a CRM's own owner of a company has, unless another field is said to tell it."""

MOST_ROLES = 10
LEAST_KEY_BITS = 2048
LONGEST_SECRET = 3000
"""What Slack lets people type into a field; a private key of 3072 bits fits."""

_SALESFORCE_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_SALESFORCE_LOOKUP = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,76})(__c|Id)", re.IGNORECASE)
_HUBSPOT_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,99}")
_ROLE = re.compile(r"[a-z][a-z0-9 _-]{0,59}")
_MY_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+my\.salesforce\.com")
_IN_THE_BROWSER = (".lightning.force.com", ".my.salesforce-setup.com")
"""What stands after the company's name in the address bar, where My Domain has `.my.salesforce.com`."""


class AccessInvalidError(UserError):
    """Something that was entered can't be used."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Take what is wrong, by the field's name."""
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, kw_only=True)
class SalesforceAccess:
    """Salesforce: by client credentials with a secret, or by a JWT that a private key signs for a user."""

    url: str
    """The My Domain URL, such as `https://acme.my.salesforce.com`."""
    client_id: str
    client_secret: str = field(default="", repr=False)
    username: str = ""
    private_key: str = field(default="", repr=False)
    account_field: str = ""
    """The field of an Account that holds our account's id; none where it is empty."""
    stage_field: str = ""
    """The field of an Account that holds its stage; empty for the stage of its newest opportunity."""
    roles: Mapping[str, str] = field(default_factory=lambda: {OWNER: "OwnerId"})
    """By the role, the field of an Account that looks up the user who holds it."""


@dataclass(frozen=True, kw_only=True)
class HubSpotAccess:
    """HubSpot: by a service key, or the token of a private app."""

    token: str = field(repr=False)
    account_field: str = ""
    """The property of a company that holds our account's id; none where it is empty."""
    stage_field: str = "lifecyclestage"
    roles: Mapping[str, str] = field(default_factory=lambda: {OWNER: "hubspot_owner_id"})
    """By the role, the property of a company that names the HubSpot user who holds it."""


def read_salesforce(written: Mapping[str, str], *, before: SalesforceAccess | None = None) -> SalesforceAccess:
    """Check what was entered for Salesforce. Raises `AccessInvalidError` with all that is wrong.

    Where neither secret is entered, the one before stays, unless it would be sent elsewhere.
    """
    reader = _Reader(written)
    url, secret, private_key = (
        reader.my_domain("url"),
        reader.secret("client_secret"),
        reader.private_key("private_key"),
    )
    if before is not None and before.url == url and not (secret or private_key):
        secret, private_key = before.client_secret, before.private_key
    access = SalesforceAccess(
        url=url,
        client_id=reader.secret("client_id", missing="Enter the consumer key of the external client app."),
        client_secret=secret,
        username=reader.secret("username"),
        private_key=private_key,
        account_field=reader.name("account_field", _SALESFORCE_FIELD, _NO_FIELD),
        stage_field=reader.name("stage_field", _SALESFORCE_FIELD, _NO_FIELD),
        roles={OWNER: "OwnerId"} | reader.roles("roles", _SALESFORCE_LOOKUP, _NO_LOOKUP),
    )
    reader.check_one_way(access)
    return reader.checked(access)


def read_hubspot(written: Mapping[str, str], *, before: HubSpotAccess | None = None) -> HubSpotAccess:
    """Check what was entered for HubSpot. Raises `AccessInvalidError` with all that is wrong."""
    reader = _Reader(written)
    token = reader.secret("token", missing="" if before else "Enter the service key, or a private app's access token.")
    return reader.checked(
        HubSpotAccess(
            token=token or (before.token if before else ""),
            account_field=reader.name("account_field", _HUBSPOT_PROPERTY, _NO_PROPERTY),
            stage_field=reader.name("stage_field", _HUBSPOT_PROPERTY, _NO_PROPERTY) or "lifecyclestage",
            roles={OWNER: "hubspot_owner_id"} | reader.roles("roles", _HUBSPOT_PROPERTY, _NO_PROPERTY),
        )
    )


Access = SalesforceAccess | HubSpotAccess


def read(kind: str, written: Mapping[str, str], *, before: Access | None = None) -> Access:
    """Check what was entered for a kind of CRM."""
    if kind == SourceKind.SALESFORCE:
        return read_salesforce(written, before=before if isinstance(before, SalesforceAccess) else None)
    return read_hubspot(written, before=before if isinstance(before, HubSpotAccess) else None)


def dump(access: Access) -> str:
    """Write it, to be sealed."""
    return orjson.dumps(asdict(access)).decode()


def load_salesforce(credentials: str) -> SalesforceAccess:
    """Read what was written."""
    return SalesforceAccess(**orjson.loads(credentials))


def load_hubspot(credentials: str) -> HubSpotAccess:
    """Read what was written."""
    return HubSpotAccess(**orjson.loads(credentials))


def roles_text(roles: Mapping[str, str]) -> str:
    """Write roles as they are entered, one a line."""
    return "\n".join(f"{role} = {name}" for role, name in roles.items())


def relationship(lookup: str) -> str:
    """Name the relationship of a lookup field, which leads to the user: `CSM__r` of `CSM__c`, `Owner` of `OwnerId`."""
    return f"{lookup[:-3]}__r" if lookup.lower().endswith("__c") else lookup[:-2]


def domain_of(written: str | None) -> str | None:
    """Read the domain out of a website: lower case, without `www.`, port and path; None where there is none."""
    text = (written or "").strip().lower()
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return None
    host = host.removeprefix("www.").rstrip(".")
    is_domain = "." in host and not host.replace(".", "").isdecimal() and not re.search(r"[^\w.-]", host)
    return host if is_domain else None


_NO_FIELD = "“{}” is no API name of a field, such as External_Id__c. Object Manager, Account, Fields lists them."
_NO_LOOKUP = "“{}” is no lookup to a user, such as CSM__c or OwnerId. Object Manager, Account, Fields lists them."
_NO_PROPERTY = "“{}” is no internal name of a property, such as account_id. It stands in the property’s settings."


class _Reader:
    """What was entered, read field by field, with what is wrong of it."""

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written
        self._errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        return (self._written.get(name) or "").strip()

    def secret(self, name: str, *, missing: str = "") -> str:
        """Read an id or a secret, which is printable and has no blanks."""
        text = self.text(name)
        if not text and missing:
            self._errors[name] = missing
        if not text.isascii() or not text.isprintable() or " " in text or len(text) > LONGEST_SECRET:
            self._errors[name] = "That has blanks or other characters that don't belong there. Copy it once more."
        return text

    def name(self, name: str, pattern: re.Pattern[str], words: str) -> str:
        """Read the name of a field."""
        text = self.text(name)
        if text and pattern.fullmatch(text) is None:
            self._errors[name] = words.format(text[:40])
        return text

    def roles(self, name: str, pattern: re.Pattern[str], words: str) -> dict[str, str]:
        """Read roles as they are entered: `csm = CSM__c`, one a line or parted by commas."""
        lines = [line for line in re.split(r"[\n,]", self.text(name)) if line.strip()]
        roles = {}
        for line in lines:
            role, _, of = (part.strip() for part in line.replace("=", ":", 1).partition(":"))
            if _ROLE.fullmatch(role.lower()) is None:
                self._errors[name] = f"“{line.strip()[:40]}” names no role. Write role = field, such as csm = CSM__c."
            elif pattern.fullmatch(of) is None:
                self._errors[name] = words.format(of[:40])
            roles[role.lower()] = of
        if len(roles) > MOST_ROLES:
            self._errors[name] = f"At most {MOST_ROLES} roles can be read."
        return roles

    def my_domain(self, name: str) -> str:
        """Read a My Domain URL; one from the browser's address bar is turned into it."""
        text = self.text(name)
        try:
            url = urlsplit(text if "://" in text else f"https://{text}")
            host, is_plain = (url.hostname or ""), url.port in {None, 443} and "@" not in url.netloc
        except ValueError:
            host, is_plain, url = "", False, urlsplit("")
        for ending in _IN_THE_BROWSER:
            if host.endswith(ending):
                host = f"{host.removesuffix(ending)}.my.salesforce.com"
        if url.scheme != "https" or not is_plain or _MY_DOMAIN.fullmatch(host) is None:
            self._errors[name] = (
                "That is no My Domain URL, such as https://acme.my.salesforce.com. Setup, My Domain shows yours."
            )
        return f"https://{host}"

    def private_key(self, name: str) -> str:
        """Read a private key in PEM."""
        text = self.text(name).replace("\r\n", "\n")
        if text:
            try:
                key = load_pem_private_key(text.encode(), password=None)
            except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted.
                key = None
            if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_KEY_BITS:
                self._errors[name] = (
                    "That is no RSA private key of 2048 bits or more, in PEM and without a passphrase. "
                    "Paste the whole file, from -----BEGIN to -----END."
                )
        return text

    def check_one_way(self, access: SalesforceAccess) -> None:
        """Ask for a secret, or for a private key with a user; both would leave open which one counts."""
        if access.client_secret and access.private_key:
            self._errors["private_key"] = "Enter either the consumer secret or a private key, not both."
        elif access.private_key and not access.username:
            self._errors["username"] = "Enter the username that the private key signs in as."
        elif not (access.client_secret or access.private_key):
            words = "Enter the consumer secret, or below it a username and a private key."
            self._errors["client_secret"] = words

    def checked(self, access: A) -> A:
        if self._errors:
            raise AccessInvalidError(self._errors)
        return access
