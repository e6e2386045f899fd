"""What each vendor can do on its desk: one module a vendor, whose `vendor(...)` makes its part of the page."""
