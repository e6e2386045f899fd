"""Every table, gathered for the migrations: importing a noun's module adds its tables to the metadata."""

from models import (
    account,
    attribute,
    audit,
    channel,
    contact,
    delivery,
    destination,
    event,
    installation,
    lane,
    movement,
    person,
    recipient,
    role,
    slack_event,
    source,
    workspace,
)
from models.base import Base

NOUNS = (
    account, attribute, audit, channel, contact, delivery, destination, event, installation, lane, movement, person,
    recipient, role, slack_event, source, workspace,
)  # fmt: skip

metadata = Base.metadata
