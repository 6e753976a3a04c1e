"""The demo: a shop, shoppers, simulated platforms and the whole of Rekindle on one machine."""
