"""Whether the time for an input grows with its length, or with the square of it."""

import gc
import time

MEBIBYTE = 1 << 20


def repeated(piece, size, before="", after=""):
    return before + piece * (size // len(piece)) + after


def assert_linear(function):
    """Sixteen times the input takes about sixteen times as long; by the square it would be 256.
    Up to three attempts, as the machine may be busy."""
    found = []
    for _ in range(3):
        part = seconds(function, MEBIBYTE // 16)
        assert part < 0.5, part
        whole = seconds(function, MEBIBYTE)
        if whole < 32 * part + 0.3:
            return
        found.append((part, whole))
    raise AssertionError(found)


def seconds(function, size):
    """Of the processor, and without those that the garbage collector takes now and then."""
    gc.disable()
    try:
        began = time.process_time()
        function(size)
        return time.process_time() - began
    finally:
        gc.enable()
