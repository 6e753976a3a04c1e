"""The gateway: HTTP in; validated, consented, pseudonymised; durable before the answer."""
