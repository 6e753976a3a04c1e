"""The browser tag: runtime, configuration, serving."""
