"""Servers that say one thing to everybody, and certificates that nobody vouches for."""

import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress

from testing.certificates import self_signed


class Saying(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.recv(65536)
            self.request.sendall(self.server.says)
        except OSError:  # a client that doesn't believe the certificate
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    says = b""
    context = None

    def finish_request(self, request, client_address):
        if not self.context:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


@contextmanager
def answering(says, certificate=None):
    """The URL at which it is said."""
    with Server(("127.0.0.1", 0), Saying) as server:
        server.says = says
        if certificate:
            server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.context.load_cert_chain(certificate)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scheme = "https" if certificate else "http"
        yield "%s://127.0.0.1:%d" % (scheme, server.server_address[1])
        server.shutdown()


def certificate_with_key(folder):
    """Both in one file."""
    file = folder / "both.pem"
    file.write_text("".join(part.read_text() for part in self_signed(folder)))
    return file
