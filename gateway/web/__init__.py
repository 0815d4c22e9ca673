"""Web actions: a request becomes parameters, a result becomes a response."""
