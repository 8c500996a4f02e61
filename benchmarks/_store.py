"""An object store that costs next to nothing, in a process of its own, over HTTP or TLS.

`PUT` is read into one buffer and forgotten; `GET …/<bytes>/<name>` sends that many bytes from
memory. A thread per connection over blocking sockets: while a thread moves bytes it holds no
interpreter lock, so that the measured client and not the store is the slower side.
"""

import contextlib
import hashlib
import multiprocessing
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Generator
from multiprocessing.connection import Connection
from pathlib import Path

import attrs

_BLOCK = 1 << 18
_SIGNED = "content-length;content-md5;content-type;host".replace(";", "%3B")


@attrs.frozen
class Store:
    """A running store.

    Attributes:
        url: Its origin.
        certificate: What a client has to trust; `None` where it speaks plain HTTP.
    """

    url: str
    certificate: Path | None

    @property
    def put_url(self) -> str:
        """An upload URL in the shape of a presigned one."""
        return (
            f"{self.url}/bucket/upload.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=43200"
            f"&X-Amz-SignedHeaders={_SIGNED}&X-Amz-Signature={'0' * 64}"
        )

    def get_url(self, byte_size: int) -> str:
        """Return the URL of that many bytes."""
        return f"{self.url}/bucket/{byte_size}/result.wav"

    @property
    def environment(self) -> dict[str, str]:
        """What makes OpenSSL's users trust the certificate."""
        return {} if self.certificate is None else {"SSL_CERT_FILE": str(self.certificate)}


@contextlib.contextmanager
def running_store(folder: Path, *, tls: bool) -> Generator[Store]:
    """Run a store in a process of its own; its certificate is made in the folder."""
    certificate = make_certificate(folder) if tls else None
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, certificate), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Store(f"http{'s' if tls else ''}://127.0.0.1:{ours.recv()}", certificate)
    finally:
        process.terminate()
        process.join()


def make_certificate(folder: Path) -> Path:
    """Make a throw-away certificate for this machine; key and certificate in one file."""
    path = folder / "certificate.pem"
    if not path.exists():
        key, certificate = folder / "key.pem", folder / "only.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        path.write_bytes(certificate.read_bytes() + key.read_bytes())
    return path


def _serve(parent: Connection, certificate: Path | None) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    parent.send(listener.getsockname()[1])
    block = memoryview(hashlib.sha512(b"noise").digest() * (_BLOCK // 64))
    while True:
        connection, _ = listener.accept()
        threading.Thread(
            target=_serve_connection, args=(connection, context, block), daemon=True
        ).start()


def _serve_connection(
    connection: socket.socket, context: ssl.SSLContext | None, block: memoryview
) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stack.callback(connection.close)
        if context is not None:
            connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
        buffer = memoryview(bytearray(_BLOCK))
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                count = connection.recv_into(buffer)
                if not count:
                    return
                rest += bytes(buffer[:count])
            head, _, rest = rest.partition(b"\r\n\r\n")
            if head.startswith(b"PUT"):
                if re.search(rb"(?i)expect: 100-continue", head):
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                _take(connection, _number(rb"(?i)content-length: *(\d+)", head) - len(rest), buffer)
                rest = b""
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')
            else:
                _give(connection, head, block)


def _take(connection: socket.socket, left: int, buffer: memoryview) -> None:
    while left > 0:
        count = connection.recv_into(buffer)
        if not count:
            raise OSError("gone")
        left -= count


def _give(connection: socket.socket, head: bytes, block: memoryview) -> None:
    left = total = _number(rb"^\w+ \S*?/(\d+)/", head)
    status, extra = b"200 OK", b""
    if asked := re.search(rb"(?i)range: bytes=(\d+)-(\d*)", head):
        start, stop = int(asked[1]), int(asked[2] or total - 1) + 1
        left = stop - start
        status, extra = (
            b"206 Partial Content",
            b"Content-Range: bytes %d-%d/%d\r\n"
            % (
                start,
                stop - 1,
                total,
            ),
        )
    connection.sendall(
        b"HTTP/1.1 %b\r\nContent-Type: audio/wav\r\n%b" % (status, extra)
        + b'ETag: "x"\r\nAccept-Ranges: bytes\r\n'
        + b'Content-Disposition: attachment; filename="result.wav"\r\n'
        + b"Content-Length: %d\r\n\r\n" % left
    )
    while left > 0 and not head.startswith(b"HEAD"):
        left -= connection.send(block[: min(left, len(block))])


def _number(pattern: bytes, head: bytes) -> int:
    found = re.search(pattern, head)
    if found is None:
        raise OSError(f"not a request for this store: {head[:80]!r}")
    return int(found[1])
