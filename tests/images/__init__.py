"""Asks the image tools for images, from real registries and engines, and starts what they made."""
