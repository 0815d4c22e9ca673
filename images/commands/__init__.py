"""The command lines behind build.sh, layer.py and python3 -m images."""
