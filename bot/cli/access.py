"""The options of `runrate sources add` that open a CRM. Secrets are better given in the environment or a file."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from models import crm
from models.source import POLLED, SourceKind

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option("--url", help="For salesforce: the My Domain URL."),
    click.option("--client-id", help="For salesforce: the consumer key of the external client app."),
    click.option(
        "--client-secret",
        envvar="SALESFORCE_CLIENT_SECRET",
        help="For salesforce: the consumer secret; better given as SALESFORCE_CLIENT_SECRET in the environment.",
    ),
    click.option("--username", help="For salesforce with a private key: the user that it signs in as."),
    click.option("--private-key-file", type=click.File(), help="For salesforce: an RSA key in PEM, for the JWT flow."),
    click.option(
        "--service-key",
        envvar="HUBSPOT_SERVICE_KEY",
        help="For hubspot: the service key; better given as HUBSPOT_SERVICE_KEY in the environment.",
    ),
    click.option("--account-field", help="For a CRM: the field that holds the account ID of your other sources."),
    click.option("--stage-field", help="For a CRM: the field that holds the stage."),
    click.option("--role", "roles", multiple=True, help="For a CRM: a role and its field, such as csm=CSM__c."),
)


def access_options(command: F) -> F:
    """Add them to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def read_access(kind: SourceKind, given: Mapping[str, Any]) -> str | None:
    """Read what opens a CRM, to be sealed; None for what is no CRM."""
    if kind not in POLLED:
        return None
    file = given["private_key_file"]
    written = {name: value or "" for name, value in given.items() if isinstance(value, str | None)}
    own = {"token": given["service_key"] or "", "private_key": file.read() if file is not None else ""}
    return crm.dump(crm.read(kind, written | own | {"roles": "\n".join(given["roles"])}))
