"""From a model's image to an action's image. Rooms, each of which knows only those above it:

words         sentences for people, and the errors that carry them         touches nothing
image/        what an image is: names, manifests, configs, start commands  touches nothing
action/       what an action's image is: our layers, and the plan          your files and ours
interpreter/  a Python for images that have none                           images, and a Python
registry/     images in a registry                                         the network
engine/       images in Docker or Podman                                   the engine's command
commands/     the command lines: build.sh, layer.py, python3 -m images     all of them
"""
