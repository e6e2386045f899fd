"""The benchmark: what Runrate reaches, beside what the same machine reaches with the bare means, in one run.

Whatever is measured runs in processes of its own, and so does what measures it. Ours and what stands beside it take
turns in pairs, the order alternating, so that a machine that slows down slows both; a row gives the medians. The
process that plays the client, or Slack, says how much of its core it used: where that is much, it is what was measured.
"""
