"""Asks the acceptance suite itself: run against the gateway, with real containers."""
