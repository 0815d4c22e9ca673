"""Asks well-known servers, unchanged, directly and as actions: whole answers are compared."""
