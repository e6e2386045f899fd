"""What comes in: Slack's events, commands, actions and views; HTTP intake from sources; the web pages.

A handler reads, records and answers. What is owed because of it is sent by the scheduler; the two meet in the database.
"""
