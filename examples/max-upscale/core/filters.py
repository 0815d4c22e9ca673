"""Enlarging four times with learned filters; arrays in, arrays out.

Each pixel's surroundings choose a filter: by the direction of the edge that runs through them, how
strong it is, and how straight. The filter makes 4 x 4 pixels of the 5 x 5 around it, as a
correction to bicubic enlargement.
"""

import numpy as np

SCALE = 4
REACH = 2
PATCH = (2 * REACH + 1) ** 2
DIRECTIONS = 8
STRENGTHS = (3.0, 10.0)
STRAIGHTNESSES = (0.3, 0.6)
BUCKETS = DIRECTIONS * (len(STRENGTHS) + 1) * (len(STRAIGHTNESSES) + 1)


def correction(grey, filters):
    """What to add to a bicubic enlargement of this image: SCALE times its size."""
    height, width = grey.shape
    patches, buckets = patches_of(grey), buckets_of(grey)
    corrections = np.zeros((height * width, SCALE * SCALE), np.float32)
    for bucket in np.unique(buckets):
        chosen = buckets == bucket
        corrections[chosen] = patches[chosen] @ filters[bucket]
    blocks = corrections.reshape(height, width, SCALE, SCALE)
    return blocks.transpose(0, 2, 1, 3).reshape(height * SCALE, width * SCALE)


def patches_of(grey):
    """The surroundings of each pixel, less its own value: a filter corrects shapes, whatever their
    brightness."""
    around = neighbours(grey)
    return (around - grey[None]).reshape(PATCH, -1).T


def buckets_of(grey):
    down, right = np.gradient(np.pad(grey, 1, mode="edge"))
    down, right = down[1:-1, 1:-1], right[1:-1, 1:-1]
    xx, yy, xy = (
        neighbours(product).mean(axis=0) for product in (right * right, down * down, right * down)
    )
    spread = np.sqrt((xx - yy) ** 2 + 4 * xy * xy)
    larger, smaller = np.sqrt((xx + yy + spread) / 2), np.sqrt(np.maximum(xx + yy - spread, 0) / 2)
    straightness = (larger - smaller) / (larger + smaller + 1e-6)
    turned = np.arctan2(2 * xy, xx - yy) / (2 * np.pi) + 0.5
    direction = np.int64(np.rint(turned * DIRECTIONS)) % DIRECTIONS
    strength = np.digitize(larger, STRENGTHS)
    bucket = (direction * (len(STRENGTHS) + 1) + strength) * (len(STRAIGHTNESSES) + 1)
    return (bucket + np.digitize(straightness, STRAIGHTNESSES)).ravel()


def neighbours(plane):
    """PATCH copies of a plane, each shifted to another place around a pixel."""
    height, width = plane.shape
    padded = np.pad(plane, REACH, mode="edge")
    places = range(2 * REACH + 1)
    return np.stack([padded[y : y + height, x : x + width] for y in places for x in places])
