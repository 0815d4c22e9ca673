"""The command lines behind build.sh, layer.py and python -m images."""
