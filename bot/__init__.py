"""How it starts: settings, the Bolt app, OAuth, the web server, the command line, and the local Slack."""
