"""Loaded by the interpreter of a model's own server: its fixed port 5000 becomes MODEL_PORT, so
that many can run."""

import os
import socket

bind = socket.socket.bind


def bind_elsewhere(self, address):
    if address[1:2] == (5000,):
        address = (address[0], int(os.environ["MODEL_PORT"])) + address[2:]
    return bind(self, address)


socket.socket.bind = bind_elsewhere
