"""From a model's image to an action's image, without a container engine: what layer.py is made of."""
