"""Simulated shop systems: each behaves as its documentation says, quotas and faults too, in virtual time."""
