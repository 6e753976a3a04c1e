"""Benchmarks: `python -m tools.bench` runs all, `python -m tools.bench NAME` one."""
