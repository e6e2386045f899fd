"""`/metrics`: what Prometheus scrapes. The sums come from the database, so that any process tells of all of them.

They name no workspace, channel or person. Nothing is counted here in passing, so that nothing is lost with a process.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from models import balance
from models.balance import BUCKETS, LIMITED, Backlog, DeliverySums, EventSums, Latencies
from models.database import Database
from models.delivery import OPEN, DeliveryState
from models.event import EventState

PATH = "/metrics"

KEPT = timedelta(seconds=5)
"""How long an answer is given again: the sums cost the database some work, and several may scrape."""

_CODE = re.compile(r"[A-Za-z][\w .-]{0,59}")
"""What an answer's code looks like; whatever else Slack may say has no place in a public label."""


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What was read from the database."""

    events: EventSums
    deliveries: DeliverySums
    answers: dict[str, int]
    backlog: Backlog
    applied: Latencies
    delivered: Latencies


class Metrics:
    """Answers scrapes."""

    def __init__(self, *, database: Database, now: Callable[[], datetime]) -> None:
        """Take where the sums are."""
        self._database = database
        self._now = now
        self._body = b""
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def show(self, _request: web.Request) -> web.Response:
        """Answer a scrape; one that comes while another is being answered waits for the same sums."""
        async with self._reading:
            now = self._now()
            if self._read_at is None or not timedelta() <= now - self._read_at < KEPT:
                self._body, self._read_at = await self._write(now), now
        return web.Response(body=self._body, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    async def _write(self, now: datetime) -> bytes:
        async with self._database.read() as session:
            sums = Sums(
                events=await balance.events(session),
                deliveries=await balance.deliveries(session),
                answers=await balance.answers(session),
                backlog=await balance.backlog(session),
                applied=await balance.applied_after(session, now=now),
                delivered=await balance.delivered_after(session, now=now),
            )
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Drawn([*_events(sums), *_deliveries(sums), *_backlog(sums, now), *_balanced(sums)]))
        return generate_latest(registry)


def register(app: web.Application, *, database: Database, now: Callable[[], datetime]) -> None:
    """Add `/metrics`."""
    app.router.add_get(PATH, Metrics(database=database, now=now).show)


class _Drawn(Collector):
    """Metrics that are known already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics


def _events(sums: Sums) -> Iterator[Metric]:
    events = sums.events
    yield CounterMetricFamily("runrate_events_received", "Events that sources sent.", value=events.received)
    outcomes = CounterMetricFamily("runrate_events", "Events by what became of them.", labels=["outcome"])
    for state in (EventState.APPLIED, EventState.REFUSED):
        outcomes.add_metric([state], events.by_state.get(state, 0))
    outcomes.add_metric(["duplicate"], events.duplicate)
    yield outcomes
    waiting = events.by_state.get(EventState.WAITING, 0)
    yield GaugeMetricFamily("runrate_events_waiting", "Events that are not applied yet.", value=waiting)
    yield _latency(
        "runrate_event_latency_seconds",
        "From an event's arrival until it was applied, of those that came within the last hour.",
        sums.applied,
    )


def _deliveries(sums: Sums) -> Iterator[Metric]:
    owed = sums.deliveries
    yield CounterMetricFamily("runrate_deliveries_owed", "Messages ever owed to a recipient.", value=owed.owed)
    states = GaugeMetricFamily(
        "runrate_deliveries",
        "Messages owed by state, and why they were skipped or failed; one merged into another has that one's state.",
        labels=["state", "reason"],
    )
    zeros = {(state, ""): 0 for state in (DeliveryState.DELIVERED, *OPEN)}
    for (state, reason), number in (zeros | dict(owed.by_reason)).items():
        states.add_metric([state, reason], number)
    yield states
    yield GaugeMetricFamily("runrate_deliveries_merged", "Messages that went into another one.", value=owed.merged)
    yield _latency(
        "runrate_delivery_latency_seconds",
        "From a fact until Slack had its message, of those owed within the last hour.",
        sums.delivered,
    )
    attempts = CounterMetricFamily("runrate_attempts", "Tries to send by what was answered.", labels=["answer"])
    for answer, number in _by_code(sums.answers).items():
        attempts.add_metric([answer], number)
    yield attempts
    limited = sum(sums.answers.get(answer, 0) for answer in LIMITED)
    yield CounterMetricFamily("runrate_rate_limited", "Tries that Slack answered with a limit.", value=limited)


def _by_code(answers: dict[str, int]) -> dict[str, int]:
    codes: dict[str, int] = {}
    for answer, number in answers.items():
        code = answer if _CODE.fullmatch(answer) else "other"
        codes[code] = codes.get(code, 0) + number
    return codes


def _backlog(sums: Sums, now: datetime) -> Iterator[Metric]:
    backlog = sums.backlog
    yield GaugeMetricFamily("runrate_lanes_waiting", "Queues that have something to send.", value=backlog.lanes)
    yield GaugeMetricFamily("runrate_lane_backlog_largest", "Messages in the fullest queue.", value=backlog.largest)
    yield GaugeMetricFamily(
        "runrate_oldest_open_seconds", "Age of the oldest message not settled.", value=_age(backlog.oldest_open_at, now)
    )
    yield GaugeMetricFamily(
        "runrate_oldest_waiting_event_seconds",
        "Age of the oldest event not applied.",
        value=_age(backlog.oldest_waiting_at, now),
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since is not None else 0.0


def _balanced(sums: Sums) -> Iterator[Metric]:
    balanced = GaugeMetricFamily(
        "runrate_ledger_balanced",
        "Whether all is accounted for: 1, or 0 where events or deliveries are missing.",
        labels=["equation"],
    )
    balanced.add_metric(["events"], int(sums.events.is_balanced))
    balanced.add_metric(["deliveries"], int(sums.deliveries.is_balanced))
    yield balanced


def _latency(name: str, says: str, took: Latencies) -> Metric:
    bounds = [(str(bound), number) for bound, number in zip(BUCKETS, took.within, strict=True)]
    return GaugeHistogramMetricFamily(
        name, says, buckets=[*bounds, ("+Inf", took.count)], gsum_value=round(took.seconds, 6)
    )
