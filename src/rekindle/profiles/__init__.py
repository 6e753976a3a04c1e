"""Per-visitor state kept up to date from the log: items met, co-views, ids seen."""
