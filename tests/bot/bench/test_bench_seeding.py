"""What the rows begin with is what the product itself would have made."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.bench import seeding
from models import balance, delivery, movement
from models.database import Database
from scheduler.recap import make_due


async def test_a_backlog_owes_each_movement_to_each_channel_and_can_be_drawn(
    database: Database, tmp_path: Path
) -> None:
    await seeding.backlog(database, workspaces=2, channels=3, movements=4)
    async with database.read() as session:
        sums, waiting = await balance.deliveries(session), await balance.backlog(session)
    assert (sums.owed, waiting.lanes, waiting.largest) == (2 * 3 * 4, 2 * 3, 4)
    posts = json.loads((await seeding.posts(database, tmp_path / "posts.json", number=5)).read_text())
    assert [len(posts), posts[0]["channel"][:6]] == [5, "C00000"]
    assert "Northwind Traders" in posts[0]["text"]


async def test_a_history_lies_in_the_past_and_is_owed_to_nobody(database: Database) -> None:
    [tenant] = await seeding.tenants(database, 1, channels=1)
    await seeding.history(database, tenant, 250)
    async with database.read() as session:
        told = await movement.of_workspace(session, tenant.workspace_id)
        assert (await balance.deliveries(session)).owed == 0
    assert len(told) == 250
    assert {one.mrr_before_minor for one, _ in told[-2:]} == {0}
    assert timedelta(days=3 * 360) < told[0][0].occurred_at - told[-1][0].occurred_at < seeding.YEARS


async def test_recaps_that_are_due_are_made_at_once_and_only_once(database: Database) -> None:
    [tenant] = await seeding.tenants(database, 1, channels=0)
    await seeding.recaps_due(database, tenant, 3)
    now = datetime.now(UTC)
    assert await make_due(database, now=now) == 3
    assert await make_due(database, now=now) == 0
    async with database.read() as session:
        owed = await delivery.of_workspace(session, tenant.workspace_id)
    assert {one.target for one in owed} == {"C00000", "C00001", "C00002"}
