"""The replication protocol by hand, for what libpq's clients hide: several streams on one connection, slow readers, unanswered keepalives."""
import socket
import struct

EPOCH = 2208988800


class ServerError(Exception):
    """What an ErrorResponse says."""


class WalStream:
    """One connection of a role that needs no password."""

    def __init__(self, cluster, dbname, user="postgres", receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", cluster.port))
        self.buffer = b""
        words = {"user": user, "database": dbname, "replication": "database", "client_encoding": "UTF8"}
        body = struct.pack("!I", 196608) + b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in words.items()) + b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self._until(b"Z")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _need(self, n):
        while len(self.buffer) < n:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the server closed the connection")
            self.buffer += more

    def message(self):
        """(type, body); an error of the server is raised"""
        self._need(5)
        kind, length = self.buffer[:1], struct.unpack("!I", self.buffer[1:5])[0]
        self._need(1 + length)
        body, self.buffer = self.buffer[5:1 + length], self.buffer[1 + length:]
        if kind == b"E":
            fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
            raise ServerError(f"{fields.get(b'C')}: {fields.get(b'M')}")
        return kind, body

    def _until(self, kind):
        while True:
            got, body = self.message()
            if got == kind:
                return body

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def start(self, slot, lsn="0/0", **options):
        """START_REPLICATION; option names with __ for dots"""
        words = ", ".join('"{}" \'{}\''.format(k.replace("__", "."), v) for k, v in options.items())
        self.send(b"Q", f'START_REPLICATION SLOT "{slot}" LOGICAL {lsn} ({words})'.encode() + b"\0")
        self._until(b"W")

    def recover(self):
        """After an error: until the server takes the next command."""
        self._until(b"Z")

    def confirm(self, lsn, ask=False):
        self.send(b"d", b"r" + struct.pack("!QQQqB", lsn, lsn, lsn, 0, ask))

    def copy_data(self):
        """("w", data) or ("k", (walEnd, reply requested)) of the next CopyData"""
        kind, body = self.message()
        assert kind == b"d", (kind, body)
        if body[:1] == b"k":
            wal_end, _, ask = struct.unpack("!QqB", body[1:18])
            return "k", (wal_end, bool(ask))
        return "w", body[25:]

    def finish(self):
        """CopyDone and what the server still sends: the data of it"""
        self.send(b"c", b"")
        data = []
        while True:
            kind, body = self.message()
            if kind == b"d" and body[:1] == b"w":
                data.append(body[25:])
            if kind == b"Z":
                return data
