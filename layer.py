"""Makes an action's image of a model's image inside the registry: a door to `python3 -m images
action`.

python3 layer.py quay.io/codait/max-object-detector me/max-object-detector:1.1.0
"""

import sys

if sys.version_info < (3, 9):
    sys.exit("layer.py: Python 3.9 or newer was expected, this is %d.%d" % sys.version_info[:2])

from images.__main__ import run

if __name__ == "__main__":
    run(["action"] + sys.argv[1:])  # in Python 2's syntax, so that the above is reached
