"""What the project's maintainers run; none of it is installed."""
