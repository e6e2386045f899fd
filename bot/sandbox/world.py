"""A played Slack, whatever serves it: its state, its limits, its faults, and what it sends."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from bot.sandbox import people
from bot.sandbox.app import SlackApp
from bot.sandbox.faults import Faults
from bot.sandbox.limits import Limiter, Limits
from bot.sandbox.outbound import Outbound
from bot.sandbox.reading import Lever, Reader
from bot.sandbox.state import Slack


class World:
    """What the addresses of a local Slack answer from.

    The ready-made workspaces are there, and the given apps are registered but not yet installed. `retry_scale`
    shortens the minutes that pass before an event is sent again. The page offers more to a person where there is
    more: `travel` sets the clock that `now` reads to a moment ahead, `levers` are the owner's own buttons on the
    chaos panel (such as “Kill the worker”), `readings` what the owner lets one watch there of itself, each under its
    title, `links` its addresses elsewhere. `pretend_domains` maps a domain to where it is played on this machine:
    links to it are announced to the apps as if they were on a domain of theirs.
    """

    def __init__(
        self,
        *,
        apps: Sequence[SlackApp],
        now: Callable[[], float] = time.time,
        limits: Limits | None = None,
        retry_scale: float = 1.0,
        travel: Callable[[datetime], Awaitable[None]] | None = None,
        levers: Mapping[str, Lever] | None = None,
        readings: Mapping[str, Reader] | None = None,
        links: Mapping[str, str] | None = None,
        pretend_domains: Mapping[str, str] | None = None,
    ) -> None:
        self.now = now
        self.travel = travel
        self.levers = dict(levers or {})
        self.readings = dict(readings or {})
        self.links = dict(links or {})
        self.state = Slack(now=now)
        self.state.apps = {app.id: app for app in apps}
        self.state.pretend_domains = dict(pretend_domains or {})
        people.settle(self.state)
        self.limiter = Limiter(limits or Limits(), now)
        self.faults = Faults()
        self.outbound = Outbound(self.state, time_scale=retry_scale)
        self.state.emit = self.outbound.emit

    @property
    def url(self) -> str:
        return self.state.url

    def add_app(self, app: SlackApp) -> None:
        """Register an app after the start, when only then it is known where it listens."""
        self.state.apps[app.id] = app
