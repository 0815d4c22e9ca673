#!/bin/sh
# Run by `make run` before anything is installed: whether there are the programs that aren't pip's.
missing=
command -v java >/dev/null || missing="$missing openjdk-17-jre-headless"
/usr/bin/python3 -c 'import torch' 2>/dev/null || missing="$missing python3-torch"
test -z "$missing" && exit 0
echo "examples/torchserve needs what isn't there: sudo apt-get install --no-install-recommends$missing" >&2
exit 2
