"""The local server speaks ChartMogul's API: their own client reads from it, unchanged."""

import asyncio
from typing import Any

import chartmogul
import pytest

from bot.vendors.chartmogul import API_KEY, ChartMogulServer, chartmogul_server
from bot.vendors.serving import Fault


async def ask(server: ChartMogulServer, resource: Any, call: str = "all", *, key: str = API_KEY, **query: Any) -> Any:
    """Ask with the client, which is synchronous, pointed at the server."""
    config = chartmogul.Config(key, max_retries=0)
    config.uri = server.url
    return await asyncio.to_thread(lambda: getattr(resource, call)(config, **query).get())


async def test_their_client_reads_activities_page_by_page() -> None:
    async with chartmogul_server() as server:
        for number in range(5):
            server.add_activity(f"act_{number}", date=f"2026-11-1{number}T10:00:00+00:00")
        seen, cursor = [], {}
        while True:
            page = await ask(server, chartmogul.Activity, per_page=2, order="date", **cursor)
            seen += [one.uuid for one in page.entries]
            if not page.has_more:
                break
            cursor = {"cursor": page.cursor}
        assert seen == [f"act_{number}" for number in range(5)]
        since = await ask(server, chartmogul.Activity, start_date="2026-11-13T10:00:00Z")
        assert [one.uuid for one in since.entries] == ["act_3", "act_4"]
        assert (since.entries[0].activity_mrr_movement, since.entries[0].type) == (6000, "new_biz")


async def test_their_client_reads_customers() -> None:
    async with chartmogul_server() as server:
        server.add_customer(attributes={"tags": ["vip"], "stripe": {}, "clearbit": {}, "custom": {"CAC": 213}})
        listed = await ask(server, chartmogul.Customer, per_page=50)
        one = await ask(server, chartmogul.Customer, "retrieve", uuid="cus_8bc55ab6")
    assert (listed.has_more, listed.entries[0].uuid) == (False, "cus_8bc55ab6")
    assert (one.external_id, one.status, one.attributes.tags, one.attributes.custom) == (
        "cus_0001",
        "Active",
        ["vip"],
        {"CAC": 213},
    )


@pytest.mark.parametrize(("fault", "status"), [(None, 401), (Fault(429, {"Retry-After": "7"}), 429), (Fault(503), 503)])
async def test_their_client_is_refused_as_documented(fault: Fault | None, status: int) -> None:
    async with chartmogul_server() as server:
        assert (await ask(server, chartmogul.Ping, "ping")).data == "pong!"
        server.faults.append(fault)
        with pytest.raises(chartmogul.APIError) as refused:
            await ask(server, chartmogul.Ping, "ping", key="another")
    response = refused.value.__cause__.response
    assert response.status_code == status
    assert response.headers.get("Retry-After") == (fault.headers.get("Retry-After") if fault else None)


async def test_their_client_is_limited_to_40_requests_a_second() -> None:
    async with chartmogul_server(clock=lambda: 0.0) as server:

        async def ping() -> bool:
            try:
                return bool(await ask(server, chartmogul.Ping, "ping"))
            except chartmogul.APIError:
                return False

        assert [await ping() for _ in range(42)] == [True] * 40 + [False] * 2
