"""Every table, gathered for the migrations: importing a noun's module adds its tables to the metadata."""

from models import (
    account,
    account_alias,
    attribute,
    audit,
    channel,
    claim,
    contact,
    conversation,
    delivery,
    destination,
    destination_mute,
    draft,
    email_alias,
    erasure,
    event,
    identity,
    installation,
    lane,
    lookup,
    movement,
    mute,
    notice,
    organisation,
    person,
    poll,
    quiet,
    rate,
    recap,
    recipient,
    record,
    report,
    role,
    signal,
    silence,
    slack_event,
    source,
    subscription,
    unfurl,
    workflow,
    workspace,
)
from models.base import Base

NOUNS = (
    account, account_alias, attribute, audit, channel, claim, contact, conversation, delivery, destination,
    destination_mute, draft, email_alias, erasure, event, identity, installation, lane, lookup, movement, mute, notice,
    organisation, person, poll, quiet, rate, recap, recipient, record, report, role, signal, silence, slack_event,
    source, subscription, unfurl, workflow, workspace,
)  # fmt: skip

metadata = Base.metadata
