"""The walk through every flow sees a product that works, and names the flow that doesn't."""

import pytest

from bot.demo import FLOWS
from bot.walk import Flow, Walk
from models.database import Database
from tests.stage import Stage, staged

NAMES = list(FLOWS)


async def walked(stage: Stage, broken: str | None = None) -> dict[str, Flow]:
    walk = Walk(sandbox=stage.sandbox, app_url=stage.url, browser=stage.browser)
    return {name: flow async for name, flow in walk.run(broken=broken)}


async def test_every_flow_works_and_leaves_its_evidence_in_slack(stage: Stage) -> None:
    flows = await walked(stage)
    assert list(flows) == NAMES
    assert {"install", "home", "source", "destination", "movement", "edit", "delete", "uninstall"} <= flows.keys()
    assert {name: flow.evidence for name, flow in flows.items() if not flow.ok} == {}
    told = flows["movement"].evidence["messages"]
    words = ["new business", "expansion", "contraction", "churn", "reactivation"]
    assert [word for word, message in zip(words, told, strict=True) if word in message] == words
    assert flows["uninstall"].as_json()["ok"] is True


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("broken", ["install", "source"])
async def test_a_broken_flow_is_named_and_those_after_it_are_not_tried(
    database: Database, database_url: str, broken: str
) -> None:
    async with staged(database_url) as stage:
        flows = await walked(stage, broken)
    assert list(flows) == NAMES
    first = NAMES.index(broken)
    assert [flows[name].ok for name in NAMES] == [True] * first + [False] * (len(NAMES) - first)
    assert "not tried" not in str(flows[broken].evidence)
    assert {flows[name].evidence for name in NAMES[first + 1 :]} <= {f"not tried: {broken} failed before"}
