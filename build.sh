#!/bin/sh
# An action's image for each model, tried and pushed: a door to `python3 -m images build`. --help lists the settings.
set -u
file=$0
while [ -L "$file" ]; do # by hand: macOS had no readlink -f for long
    target=$(readlink "$file")
    case $target in
        /*) file=$target ;;
        *) file=$(dirname "$file")/$target ;;
    esac
done
here=$(CDPATH='' cd -- "$(dirname "$file")" && pwd)
for python in python3 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
        exec "$python" "$here/images/__main__.py" build "$@"
    fi
done
echo "build.sh: there is no Python 3.9 or newer here, neither as python3 nor as python: install one" >&2
exit 2
