#!/bin/sh
# Run by `make run` before anything is installed: whether Triton's server will find its libpython.
read -r python _ <"$(dirname "$0")/venv"
"$python" -c 'import ctypes, sysconfig; ctypes.CDLL("libpython%s.so.1.0" % sysconfig.get_python_version())' 2>/dev/null && exit 0
echo "examples/triton needs $python with its libpython, and that isn't there: sudo apt-get install libpython3.11" >&2
exit 2
