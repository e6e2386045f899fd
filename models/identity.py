"""An identity: a user id, an e-mail address or an anonymous id, what was said under it, and to whom it leads.

A contact is all that lead to one. A user id leads to the one that it was given up for (`alias`). An e-mail address
leads to the user that it was first said with, or else to the one that its anonymous ids lead to. An anonymous id leads
to the user that it was first seen with, or else to its first e-mail address. Of each link only the earliest counts, and
so whatever order calls arrive in, the same ones come to the same people. What two users share, such as a device or an
address, belongs to the first; it never makes one person of them.
"""

import hashlib
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, JsonValue, among
from models.fact import AliasFact, ContactFact, ErasureFact
from models.said import Said

AboutPerson = ContactFact | AliasFact | ErasureFact

Link = list[str]
"""When it was first told of, and to whom it leads."""


class IdentityKind(StrEnum):
    """What somebody is recognised by, the strongest first."""

    USER = "user_id"
    EMAIL = "email"
    ANONYMOUS = "anonymous_id"


class Identity(Base):
    """What somebody is recognised by. Of one that was erased only the hash in its id is left."""

    __tablename__ = "identities"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    """A hash of the workspace, the kind and the value."""
    workspace_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(12))
    value: Mapped[str | None] = mapped_column(String(255))
    contact_id: Mapped[str | None] = mapped_column(
        Id, ForeignKey("contacts.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"), index=True
    )
    """Checked at the commit: which of the rows that changed in memory are written first is the session's to say."""
    said: Mapped[Said] = mapped_column(JsonValue, default=dict)
    user: Mapped[Link | None] = mapped_column(JsonValue)
    """The user that it was first said with; of a user id, the one that it was given up for."""
    through: Mapped[Link | None] = mapped_column(JsonValue)
    """Of an e-mail address: the user that one of its anonymous ids was first seen with."""
    emails: Mapped[dict[str, str]] = mapped_column(JsonValue, default=dict)
    """Of an anonymous id: the e-mail addresses that were said with it and no user, and when first."""
    makes_account: Mapped[bool] = mapped_column(default=False)
    """Whether a source spoke of it that creates an account for each contact."""
    erased_until: Mapped[str | None] = mapped_column(String(40))
    """Everything said until then is forgotten, also what arrives later."""


def new(workspace_id: str, kind: IdentityKind, value: str) -> Identity:
    """Begin an identity under which nothing was said."""
    return Identity(
        id=key(workspace_id, kind, value), workspace_id=workspace_id, kind=kind, value=value,
        contact_id=None, said={}, user=None, through=None, emails={}, makes_account=False, erased_until=None,
    )  # fmt: skip


@lru_cache(10_000)
def key(workspace_id: str, kind: IdentityKind, value: str) -> str:
    """Give an identity's id."""
    return hashlib.sha256(f"{workspace_id}\n{kind}\n{value}".encode()).hexdigest()


def named_by(fact: AboutPerson) -> list[tuple[IdentityKind, str]]:
    """Give what a fact names somebody by, the strongest first; an id that is given up may have been of either kind."""
    if isinstance(fact, AliasFact):
        names = ((IdentityKind.USER, fact.user_id), (IdentityKind.USER, fact.previous_id))
        return [*names, (IdentityKind.ANONYMOUS, fact.previous_id)]
    return [(kind, value) for kind in IdentityKind if (value := getattr(fact, kind)) is not None]


def of_track(workspace_id: str, payload: Mapping[str, Any]) -> str | None:
    """Give the id of the identity of whoever did what a track call tells."""
    for kind, name in ((IdentityKind.USER, "userId"), (IdentityKind.ANONYMOUS, "anonymousId")):
        value = str(payload.get(name) or "").strip()
        if value:
            return key(workspace_id, kind, value)
    return None


async def erased(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Give those of these identities that were erased, and until when what was said of them is forgotten."""
    if not ids:
        return {}
    query = select(Identity.id, Identity.erased_until).where(
        among(Identity.id, ids), Identity.erased_until.is_not(None)
    )
    return {row.id: row.erased_until for row in await session.execute(query)}


def earlier(old: Link | None, new: Link | None) -> Link | None:
    """Give the earlier of two links; at one instant, the one that comes first in the alphabet."""
    return min((link for link in (old, new) if link is not None), default=None)


def root(identity: Identity, known: Mapping[str, Identity]) -> Identity:
    """Follow the links to the identity that a contact is named by; of a circle, to the first in the alphabet."""
    passed: dict[str, Identity] = {}
    while identity.id not in passed:
        passed[identity.id] = identity
        following = known.get(_leads_to(identity) or "")
        if following is None:
            return identity
        identity = following
    circle = [*passed][[*passed].index(identity.id) :]
    return min((passed[one] for one in circle), key=lambda one: one.value or "")


def _leads_to(identity: Identity) -> str | None:
    link = identity.user or identity.through
    if link is not None:
        return key(identity.workspace_id, IdentityKind.USER, link[1])
    if identity.emails:
        first = min((at, email) for email, at in identity.emails.items())
        return key(identity.workspace_id, IdentityKind.EMAIL, first[1])
    return None
