"""The cheapest hop that Python has, which passes bytes on and understands none of them: python
relay.py PORT TARGET

The answer ends where the server closes the connection, so a request has to ask for that; and it
has to be small, since one look at the socket is all that it gets.
"""

import functools
import socket
import sys


def main(port, target):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        while True:
            client, _ = listener.accept()
            with client, socket.socket() as server:
                request = client.recv(65536)
                if request:
                    server.connect(("127.0.0.1", target))
                    server.sendall(request)
                    client.sendall(b"".join(iter(functools.partial(server.recv, 65536), b"")))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
