"""A local OpenWhisk for Docker actions. Start it with `python -m gateway`."""
