"""Pick products for a visitor and draw them: HTML slot or JSON."""
