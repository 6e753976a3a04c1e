"""The operators' pages and their JSON API."""
