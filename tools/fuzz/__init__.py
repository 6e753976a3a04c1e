"""Fuzzing beside a second implementation: `python -m tools.fuzz` (see docs/consent.md)."""
