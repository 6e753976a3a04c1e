"""An FTP server of the tests' own (pyftpdlib), a process by itself, with a certificate for ``ftp.example``."""

from __future__ import annotations

import datetime
import ssl
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "partner", "the-password"
_PROGRAM = """
import resource, signal, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer
folder, certificate, rights, largest = sys.argv[1:]
if int(largest):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
class Handler(TLS_FTPHandler if certificate else FTPHandler):
    authorizer = DummyAuthorizer()
    use_sendfile = False
Handler.authorizer.add_user("partner", "the-password", folder, perm=rights)
if certificate:
    Handler.certfile = certificate
    Handler.tls_control_required = Handler.tls_data_required = True
server = FTPServer(("127.0.0.1", 0), Handler)
print(server.socket.getsockname()[1], flush=True)
server.serve_forever(handle_exit=False)
"""


def certificate(folder: Path, name: str) -> Path:
    """Write a certificate of its own authority, with its key; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + plain)
    return file


class Ftpd:
    """``rights`` are pyftpdlib's; ``largest`` bounds files, as a disk that is full does."""

    def __init__(
        self, folder: Path, *, tls: bool = True, rights: str = "elradfmwMT", largest: int = 0, name: str = "ftp.example"
    ) -> None:
        folder.mkdir()
        self.files = folder / "files"
        self.files.mkdir()
        file = certificate(folder, name)
        self.trust = ssl.create_default_context(cafile=str(file))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self.files), str(file) if tls else "", rights, str(largest)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
