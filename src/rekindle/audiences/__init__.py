"""Rules, membership with timed entry and exit, kept up to date from the log."""
