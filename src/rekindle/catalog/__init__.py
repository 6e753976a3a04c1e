"""Sources in, product snapshots and change sets out."""
