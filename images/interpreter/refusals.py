"""Why no interpreter can be made of an image, as sentences."""


class NoInterpreter(ValueError):
    """Says what was expected of the image, and what it has."""


class Unreadable(NoInterpreter):
    """Says what of it can't be read, and why."""


class Missing(NoInterpreter):
    """Says what needs something that the image doesn't have."""
