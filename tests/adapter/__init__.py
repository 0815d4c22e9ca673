"""Asks the adapter alone, as the platform would and as anybody else would: over its socket, and as
pure functions. Runs on Python 3.6 to 3.13, so it needs nothing but pytest, Flask or uvicorn."""
