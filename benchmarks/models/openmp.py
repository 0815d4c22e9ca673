"""A model that computes with OpenMP, in the library that the variable LIBRARY names."""

import ctypes
import os

from werkzeug.serving import run_simple

LIBRARY = ctypes.CDLL(os.environ["LIBRARY"])
LIBRARY.compute.restype = ctypes.c_double
LIBRARY.compute.argtypes = [ctypes.c_double]


def application(environ, respond):
    LIBRARY.compute(float(environ["QUERY_STRING"]))
    respond("200 OK", [("Content-Type", "application/json")])
    return [b'{"computed": true}']


if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ["PORT"]), application, threaded=True)
