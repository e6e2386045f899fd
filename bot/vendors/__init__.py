"""The APIs of other vendors on loopback, as they document them: for the demo, and for tests with their real clients.

One module a vendor; `serving` is what they share. They import nothing of the app, which knows only their addresses.
"""
