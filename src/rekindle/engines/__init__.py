"""The seams to infrastructure: one protocol each, one file per engine, one conformance suite for all engines."""
