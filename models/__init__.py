"""What is true: tables, rules and queries, one noun a file.

Nothing here knows Slack's client, HTTP or the clock: values and `now` are passed in. SQL stands only in this package.
"""
