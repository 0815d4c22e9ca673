"""A model that gives up while it loads."""

import sys

print("the C++ module is missing")
sys.exit(3)
