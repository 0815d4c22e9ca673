"""The acceptance suite, run against the gateway with real containers."""
