"""From deliveries to their messages: a module a kind of fact, and the table of them all."""
