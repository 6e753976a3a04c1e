"""Where catalogues come from: one folder for each kind of source."""

NEEDS = ("TITLE", "sniff", "rows", "items")
