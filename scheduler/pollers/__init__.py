"""Pollers: what sources don't send by themselves is read from their API, and goes through the inbox like the rest."""
