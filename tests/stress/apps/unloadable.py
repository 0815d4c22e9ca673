"""A model that can't be loaded, however often it is tried."""

raise ImportError("there are no weights")
