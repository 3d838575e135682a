"""Certificates of a test's own: an authority, and what it signs."""
import shutil
import subprocess
from pathlib import Path


def _openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """dir/ca.pem is what its clients trust."""

    def __init__(self, directory, name="ca"):
        self.dir = Path(directory) / name
        self.dir.mkdir(parents=True)
        self.ca = self.dir / "ca.pem"
        self._key = self.dir / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN=test {name}",
                 "-keyout", self._key, "-out", self.ca)

    def sign(self, name, hosts=(), owner=None):
        """(certificate, key) as PEM files; hosts: names and addresses that it is good for"""
        cert, key, request = (self.dir / f"{name}.{end}" for end in ("pem", "key", "csr"))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        extensions = self.dir / f"{name}.ext"
        names = ",".join(f"IP:{h}" if h[0].isdigit() else f"DNS:{h}" for h in hosts)
        extensions.write_text(f"subjectAltName={names}\n" if hosts else "basicConstraints=CA:FALSE\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        key.chmod(0o600)
        if owner:
            shutil.chown(key, owner)
        return cert, key

    def keystore(self, name, hosts=()):
        """One PEM file with key and certificates, as Kafka's ssl.keystore.location takes it."""
        cert, key = self.sign(name, hosts)
        pkcs8 = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key], capture_output=True, text=True, check=True).stdout
        store = self.dir / f"{name}.store.pem"
        store.write_text(pkcs8 + cert.read_text() + self.ca.read_text())
        return store
