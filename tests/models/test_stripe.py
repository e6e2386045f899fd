"""What only a Stripe source has: secrets that are kept sealed, a few at a time, and its rules."""

from datetime import timedelta

import pytest

from models import audit, source, stripe
from models.database import Database
from models.secret import Keyring
from models.source import Source, SourceKind
from models.stripe import MOST_SECRETS, Cancellation, Passing, Rules, SigningSecretError, TooManySecretsError
from tests import seeds
from tests.seeds import ACME, KEYRING, NOW, SECRET_KEY


@pytest.fixture
async def origin(database: Database) -> Source:
    await seeds.install(database)
    added, _ = await seeds.add_source(database, name="Stripe", kind=SourceKind.STRIPE)
    return added


async def add(database: Database, origin: Source, secret: str) -> None:
    async with database.write() as session:
        found = await source.get(session, ACME, origin.id)
        stripe.add_secret(session, found, secret, keyring=KEYRING, by="U0ADA", now=NOW)


async def read(database: Database, origin: Source) -> Source:
    async with database.read() as session:
        return await source.get(session, ACME, origin.id)


async def test_secrets_are_kept_sealed_and_survive_a_rotation_of_keys(database: Database, origin: Source) -> None:
    for secret in (" whsec_planted ", "whsec_other", "whsec_planted"):
        await add(database, origin, secret)
    newer = Keyring([Keyring.new_key(), SECRET_KEY])
    async with database.write() as session:
        await source.rotate_keys(session, newer)
    found = await read(database, origin)
    assert stripe.secrets(found, keyring=newer) == ("whsec_planted", "whsec_other")
    assert "planted" not in str(found.signing_secrets)
    with pytest.raises(Exception, match="can't be read"):
        stripe.secrets(found, keyring=KEYRING)


async def test_what_is_kept_stays_and_the_audit_says_who_changed_it(database: Database, origin: Source) -> None:
    for secret in ("whsec_a", "whsec_b"):
        await add(database, origin, secret)
    async with database.write() as session:
        found = await source.get(session, ACME, origin.id)
        first, second = stripe.signing_secrets(found)
        stripe.keep_secrets(session, found, (first.id, second.id), by="U0ADA", now=NOW)
        stripe.keep_secrets(session, found, (second.id,), by="U0ADA", now=NOW)
        stripe.change(session, found, Rules(), by="U0ADA", now=NOW)
        rules = Rules(Cancellation.AT_ONCE, frozenset({Passing.ONCE}))
        stripe.change(session, found, rules, by="U0ADA", now=NOW + timedelta(days=1))
    found = await read(database, origin)
    assert stripe.secrets(found, keyring=KEYRING) == ("whsec_b",)
    assert stripe.rules(found) == rules
    async with database.read() as session:
        actions = [one.action for one in reversed(await audit.of_workspace(session, ACME))]
    assert actions[-4:] == [
        "source.signing_secret_entered",
        "source.signing_secret_entered",
        "source.signing_secret_removed",
        "source.changed",
    ]


@pytest.mark.parametrize("written", ["", "whsec_", "sk_live_1", "whsec_ 1", "whsec_é", "whsec_" + "x" * 200])
async def test_what_can_t_be_a_secret_is_refused(database: Database, origin: Source, written: str) -> None:
    await add(database, origin, "whsec_good")
    with pytest.raises(SigningSecretError):
        await add(database, origin, written)


async def test_there_are_five_at_most(database: Database, origin: Source) -> None:
    for number in range(MOST_SECRETS):
        await add(database, origin, f"whsec_{number}")
    with pytest.raises(TooManySecretsError):
        await add(database, origin, "whsec_more")
