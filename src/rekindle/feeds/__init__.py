"""Channels: the snapshot through rules and checks to a published, versioned file."""
