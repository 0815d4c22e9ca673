"""What the models are asked in the benchmarks: requests of a given size; reads the examples'
samples."""

import io
import json
import random
import struct
import zlib

from PIL import Image

from benchmarks.servers import Call
from testing.example import EXAMPLES
from testing.max_server import multipart

CHUNK = 12  # bytes that a chunk of PNG takes beside its content, and all of the last one


def digit(size):
    """A small digit in a PNG file of that size, by metadata as cameras add them: large to send,
    quick to decode."""
    with Image.open(EXAMPLES / "max-digits" / "samples" / "seven.png") as image:
        return upload("digit.png", padded(png_of(image.resize((48, 48))), size))


def noise(side):
    """A picture that can't be compressed, nor can what max-upscale makes of it, four times as
    wide and high."""
    pixels = random.Random(1).getrandbits(24 * side * side).to_bytes(3 * side * side, "big")
    return upload("noise.png", png_of(Image.frombytes("RGB", (side, side), pixels)))


def upload(name, png):
    headers, body = multipart("image", name, png, "image/png")
    return Call("/model/predict", tuple(headers), body)


def png_of(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def padded(png, size):
    """Zeros, as makers reserve them: old Werkzeug's forms would take more for noise than all the
    rest does."""
    chunk = b"noTe" + bytes(size - len(png) - CHUNK)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:-CHUNK] + chunk + png[-CHUNK:]


def document(path, value):
    return Call(path, (("Content-Type", "application/json"),), json.dumps(value).encode())


def sentences(size=1024):
    """JSON of about that size for max-sentiment."""
    line = "The staff were kind and the soup was delicious, but we waited two hours for it."
    return document("/model/predict", {"text": [line] * (size // (len(line) + 4))})


def texts(size=1024):
    """JSON of about that size for fastapi-model."""
    line = "Counting people in camera images with convolutional networks."
    return document("/predict", {"texts": [{"text": line}] * (size // (len(line) + 14))})


def of_example(example, path, sample):
    value = (EXAMPLES / example / "samples" / sample).read_bytes()
    return Call(path, (("Content-Type", "application/json"),), value)
