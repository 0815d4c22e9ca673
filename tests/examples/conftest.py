"""What tests of the models of the MAX shape share."""

from testing.max_server import action, own, python, server

__all__ = ["action", "own", "python", "server"]
