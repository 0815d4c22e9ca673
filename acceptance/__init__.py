"""Examples built, deployed and compared on any OpenWhisk: python -m acceptance --help."""
