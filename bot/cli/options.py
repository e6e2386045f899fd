"""What the commands share: options, and the form of an example."""

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, and nothing else.")
workspace_option = click.option(
    "--workspace", "workspace_id", metavar="ID", help="The workspace's id; needed only where several are installed."
)
LIMIT = 100

limit_option = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", default=LIMIT, show_default=True, help="List at most so many."
)
table_limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"List at most so many. [default: {LIMIT}; with --json, all]",
)


def example(*lines: str) -> str:
    """Write the end of a command's help: lines to type, kept as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
