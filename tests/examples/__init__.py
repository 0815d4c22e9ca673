"""Asks every example by itself, through the adapter and through the gateway: three times the same
answer."""
