"""Makes any model server an Apache OpenWhisk action; importing this has no effect."""

VERSION = "1.1.0"
