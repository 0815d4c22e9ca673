"""Certificates that nobody has signed but themselves, for servers of the tests' own."""

import subprocess

from testing.prerequisites import need


def self_signed(folder, name="127.0.0.1", also="IP:127.0.0.1"):
    """The paths of a certificate and of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=" + name, "-addext", "subjectAltName=" + also]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key
