"""The model: reads its filters once, then only computes."""

import io

import numpy as np
from config import MODEL_METADATA, MODEL_PATH
from maxfw.model import MAXModelWrapper
from PIL import Image

from core.filters import SCALE, correction

FORMATS = ("PNG", "JPEG", "TIFF")
LARGEST_SIDE = 2000
LARGEST_ENLARGED = 500


class ModelWrapper(MAXModelWrapper):
    MODEL_META_DATA = MODEL_METADATA

    def __init__(self, path=MODEL_PATH):
        with np.load(path, allow_pickle=False) as weights:
            self.filters = weights["filters"].astype(np.float32)

    def read_image(self, image_data):
        """An RGB image, transparent parts white; ValueError says what is wrong with the data."""
        try:
            return rgb_from_bytes(image_data)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            # Pillow's own sentence names the address of a BytesIO object, another one in every
            # answer.
            cause = str(error) if isinstance(error, ValueError) else "it can't be read as an image"
            advice = "Please submit a valid image in PNG, TIFF or JPEG format of at most {0} x {0} pixels: {1}."  # noqa: E501
            raise ValueError(advice.format(LARGEST_SIDE, cause)) from error

    def write_image(self, image):
        file = io.BytesIO()
        image.save(file, "PNG")
        file.seek(0)
        return file

    def _pre_process(self, image):
        factor = min(1.0, LARGEST_ENLARGED / max(image.size))
        size = [max(1, int(side * factor)) for side in image.size]
        return image if factor == 1.0 else image.resize(size, Image.LANCZOS)

    def _predict(self, image):
        """Sharp where eyes look for it, in brightness; colours are enlarged smoothly."""
        smooth = image.resize([side * SCALE for side in image.size], Image.BICUBIC)
        sharper = correction(np.asarray(image.convert("L"), np.float32), self.filters)
        pixels = np.asarray(smooth, np.float32) + sharper[..., None]
        return Image.fromarray(np.uint8(np.clip(np.rint(pixels), 0, 255)))


def rgb_from_bytes(data):
    image = Image.open(io.BytesIO(data))
    if image.format not in FORMATS:
        raise ValueError("it is {}".format(image.format))
    # Before a pixel is decoded: a small file can hold a picture that doesn't fit into memory.
    if max(image.size) > LARGEST_SIDE:
        raise ValueError("it is {} x {} pixels".format(*image.size))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
