"""The table of contents of all that Slack can tell us: every module registers its listeners, the catch-alls last."""

from slack_bolt.async_app import AsyncApp

from handlers import (
    accounts,
    chartmogul,
    claims,
    commands,
    credentials,
    crm,
    deliveries,
    destination_details,
    destination_form,
    destinations,
    dossiers,
    email_aliases,
    glances,
    handovers,
    home,
    lifecycle,
    listening,
    managers,
    mutes,
    notices,
    pauses,
    personal,
    recap_now,
    recaps,
    records,
    segment,
    signals,
    sources,
    stripe,
    unfurls,
    unhandled,
    why,
    workflows,
)
from handlers.desk import Desk


def register(app: AsyncApp, desk: Desk) -> None:
    """Register every listener."""
    listening.prepare(app, desk)
    for module in (
        home, accounts, deliveries, destinations, destination_details, destination_form, handovers, pauses, workflows,
        sources, segment, chartmogul, stripe, crm, credentials, records, email_aliases, managers, dossiers, signals,
        glances, mutes, claims, personal, recaps, recap_now, notices, why, unfurls, commands, lifecycle, unhandled,
    ):  # fmt: skip
        module.register(app)
