"""No secret is stored in clear: after a full run, the whole database is searched as bytes."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from models import installation, source, tables
from models.database import Database
from models.delivery import DeliveryState
from scheduler.claim import Job
from tests import seeds
from tests.seeds import ACME, KEYRING
from tests.sending import Sending


async def dump(database: Database) -> bytes:
    """Give everything that is stored: the file with its log on SQLite, every row of every table on PostgreSQL."""
    if database.is_sqlite:
        return await asyncio.to_thread(read_files, str(database.url.database))
    rows: list[Any] = []
    async with database.read() as session:
        for name in (*tables.metadata.tables, "alembic_version"):
            rows += (await session.execute(text(f"SELECT row_to_json({name})::text FROM {name}"))).scalars()
    return "\n".join(rows).encode()


def read_files(path: str) -> bytes:
    return b"".join(Path(path + end).read_bytes() for end in ("", "-wal", "-shm") if Path(path + end).exists())


async def run_through_it_all(line: Sending) -> dict[str, str]:
    """Install, receive, refuse, deliver, fail and revoke; answer the secrets that went through it."""
    token = await line.install()
    await line.destination("C0REVENUE")
    origin, key = await seeds.add_source(line.database, name="Planted")
    async with line.database.write() as session:
        await installation.remember_state(session, state="planted-state", browser="planted-browser", now=seeds.NOW)
        await installation.use_state(session, state="planted-state", browser="planted-browser", now=seeds.NOW)
        await source.reveal(
            session, await source.get(session, ACME, origin.id), keyring=KEYRING, by="U0ADA", now=seeds.NOW
        )
    await line.move(2)
    line.fault("error", code="not_authed", times=1)
    await line.run()
    await line.install()
    line.fault("lose_response", times=1)
    await line.run()
    assert {one.state for one in await line.ledger()} == {DeliveryState.DELIVERED}
    return {"token": token, "key": key, "state": "planted-state", "browser": "planted-browser"}


async def test_tokens_keys_and_states_are_not_stored_in_clear(line: Sending) -> None:
    secrets = await run_through_it_all(line)
    stored = await dump(line.database)
    assert b"Every movement" in stored
    assert [name for name, secret in secrets.items() if secret.encode() in stored] == []
    assert seeds.SECRET_KEY.encode() not in stored


async def test_a_secret_that_is_stored_in_clear_is_found(line: Sending) -> None:
    """The broken variant of the test above."""
    token = await line.install()
    async with line.database.write() as session:
        grant = await installation.get(session, ACME)
        assert grant is not None
        grant.revoked_because = token
    assert token.encode() in await dump(line.database)


async def test_no_secret_is_logged(line: Sending, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = await run_through_it_all(line)
    logged = "".join(capsys.readouterr())
    assert "delivery_settled" in logged
    assert [name for name, secret in secrets.items() if secret in logged] == []


def test_a_job_does_not_show_its_token() -> None:
    assert "token" not in {one.name for one in dataclasses.fields(Job) if one.repr}
