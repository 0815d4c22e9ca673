"""An image file as the 64 grey values that the model knows; touches no files."""

import io

import numpy as np
from PIL import Image

SIDE = 8
SMALLEST_SIDE = 48
LARGEST_SIDE = 4096
LEAST_CONTRAST = 16
FORMATS = ("PNG", "JPEG")


def image_from_bytes(data):
    """A grey image, transparent parts white; ValueError says what is wrong with the data."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.format not in FORMATS:
            raise ValueError("it is {}".format(image.format))
        # Before a pixel is decoded: a small file can hold a picture that doesn't fit into memory.
        if max(image.size) > LARGEST_SIDE:
            raise ValueError("it is {} x {} pixels".format(*image.size))
        image = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            "Please submit a valid image in PNG or JPEG format of at most {0} x {0} pixels: {1}.".format(  # noqa: E501
                LARGEST_SIDE, cause(error)
            )
        ) from error
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image).convert("L")


def cause(error):
    # Pillow's own sentence names the address of a BytesIO object, another one in every answer.
    return str(error) if isinstance(error, ValueError) else "it can't be read as an image"


def pixels_from_image(image):
    """64 values from 0 (paper) to 1 (ink): the digit cut out, its proportions kept, centred."""
    ink = ink_from_image(enlarged(image))
    drawn = ink > 0.3
    if not drawn.any():
        return np.zeros(SIDE * SIDE, np.float32)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(digit.shape)
    square = np.zeros((side, side), np.float32)
    top, left = (side - digit.shape[0]) // 2, (side - digit.shape[1]) // 2
    square[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    small = Image.fromarray(square).resize((SIDE, SIDE), Image.BOX)
    return np.asarray(small, np.float32).ravel()


def enlarged(image):
    # A digit of a few pixels is cut out between its pixels, or it would lose its place in the
    # square.
    factor = max(1.0, SMALLEST_SIDE / max(image.size))
    return image.resize([int(round(side * factor)) for side in image.size], Image.BICUBIC)


def ink_from_image(image):
    """Distance from the colour of the paper, so that white chalk is ink as well as black pencil."""
    grey = np.asarray(image, np.float32)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    distance = np.abs(grey - np.median(edge))
    contrast = distance.max()
    return distance / contrast if contrast >= LEAST_CONTRAST else np.zeros_like(distance)
