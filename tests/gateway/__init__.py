"""Asks the gateway as its clients do, and compares it with the recordings of a real controller."""
