"""Images in Docker or Podman. Starts the engine's own command."""
