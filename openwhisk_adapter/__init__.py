"""Makes any model server an Apache OpenWhisk action: the rooms of openwhisk.py."""

VERSION = "1.1.0"
