"""What only a Stripe source has: the secrets that its webhook is signed with, sealed, and how its MRR is counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import audit
from models.base import UserError, new_id
from models.database import wake
from models.secret import Keyring
from models.source import Source
from models.wakeup import Topic

SECRET_PREFIX = "whsec_"  # noqa: S105 - what Stripe's secrets begin with
LONGEST_SECRET = 200
MOST_SECRETS = 5


class Cancellation(StrEnum):
    """When a subscription that is cancelled for the end of its period is over."""

    PERIOD_END = "period_end"
    AT_ONCE = "at_once"


class Passing(StrEnum):
    """How long a coupon counts that does not count forever."""

    REPEATING = "repeating"
    ONCE = "once"


@dataclass(frozen=True)
class Rules:
    """How MRR is counted; as Stripe itself does by default."""

    cancellation: Cancellation = Cancellation.PERIOD_END
    subtracted: frozenset[Passing] = frozenset()
    """Coupons that lower MRR besides those that count forever."""


@dataclass(frozen=True)
class SigningSecret:
    """A secret as people see it, who never see the secret."""

    id: str
    added_at: datetime
    added_by: str


class SigningSecretError(UserError):
    """That can't be a signing secret: it begins with whsec_. Copy it from the endpoint's page in Stripe."""


class TooManySecretsError(UserError):
    """A source takes five signing secrets at most. Remove one that Stripe no longer signs with."""


def rules(source: Source) -> Rules:
    """Give how the source's MRR is counted."""
    return Rules(
        Cancellation(source.settings.get("cancellation", Cancellation.PERIOD_END)),
        frozenset(Passing(one) for one in source.settings.get("subtracted", ())),
    )


def change(session: AsyncSession, source: Source, chosen: Rules, *, by: str, now: datetime) -> None:
    """Count otherwise, for all that comes in from now on."""
    if chosen != rules(source):
        source.settings = {"cancellation": chosen.cancellation.value, "subtracted": sorted(chosen.subtracted)}
        _record(session, source, "source.changed", by=by, now=now)


def secrets(source: Source, *, keyring: Keyring) -> tuple[str, ...]:
    """Read what the webhook may be signed with."""
    return tuple(keyring.open(one["sealed"]) for one in source.signing_secrets)


def signing_secrets(source: Source) -> list[SigningSecret]:
    """List the secrets, oldest first, without what they are."""
    return [
        SigningSecret(one["id"], datetime.fromisoformat(one["added_at"]), one["added_by"])
        for one in source.signing_secrets
    ]


def add_secret(session: AsyncSession, source: Source, secret: str, *, keyring: Keyring, by: str, now: datetime) -> None:
    """Take what is signed with this secret too. One that is known already changes nothing."""
    clean = _read_secret(secret)
    if clean in secrets(source, keyring=keyring):
        return
    if len(source.signing_secrets) >= MOST_SECRETS:
        raise TooManySecretsError
    added: dict[str, Any] = {
        "id": new_id("sec", now),
        "sealed": keyring.seal(clean),
        "added_at": now.isoformat(),
        "added_by": by,
    }
    source.signing_secrets = [*source.signing_secrets, added]
    _record(session, source, "source.signing_secret_entered", by=by, now=now)


def keep_secrets(session: AsyncSession, source: Source, ids: Sequence[str], *, by: str, now: datetime) -> None:
    """Forget every secret but these."""
    kept = [one for one in source.signing_secrets if one["id"] in ids]
    if len(kept) < len(source.signing_secrets):
        source.signing_secrets = kept
        _record(session, source, "source.signing_secret_removed", by=by, now=now)


def _read_secret(written: str) -> str:
    secret = written.strip()
    is_one = secret.startswith(SECRET_PREFIX) and secret.isascii() and secret.isprintable() and " " not in secret
    if not is_one or not len(SECRET_PREFIX) < len(secret) <= LONGEST_SECRET:
        raise SigningSecretError
    return secret


def _record(session: AsyncSession, source: Source, action: str, *, by: str, now: datetime) -> None:
    """Note a change, which counts at once for whatever comes in."""
    audit.record(session, source.workspace_id, actor=by, action=action, subject_id=source.id, now=now)
    wake(session, Topic.SOURCES)
