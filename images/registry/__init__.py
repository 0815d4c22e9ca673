"""Images in a registry. Talks to the network."""
