"""Real database servers for the tests: Debian's PostgreSQL and MariaDB, each with its data in a folder of its own.

They run as ``nobody``, listen on loopback, and log every statement.
"""

import ipaddress
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harden_secrets.rotate.kinds.password.channel import close_channel

ADMIN = ("harden_admin", "Admin0-of-the-tests-4711")
_START_SECONDS = 60


class DatabaseServer:
    """A server that can be stopped and started. ``log`` is everything that it has logged."""

    def __init__(self, folder: Path, port: int, arguments: list[str], answers: Callable[["DatabaseServer"], object]):
        self.folder = folder
        self.port = port
        self._arguments = arguments
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All log files together."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Runs it, and waits until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, stdout=log, stderr=log, user=_user().pw_uid, group=_user().pw_gid, extra_groups=[]
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._answers(self)
                return
            except Exception as error:  # noqa: BLE001 - whatever the driver of either says while it is not up yet
                assert self._process.poll() is None, self.log
                if time.monotonic() > deadline:
                    pytest.fail(f"{error}\n{self.log}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends it, sessions and all."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if "postgres" in self._arguments[0] else signal.SIGTERM)
            self._process.wait(30)
            self._process = None


@contextmanager
def postgresql_server(hba: str) -> Iterator[DatabaseServer]:
    """PostgreSQL, with that pg_hba.conf."""
    with _folder("pg") as folder:
        data, port = folder / "data", _free_port()
        secret = folder / "admin"
        secret.write_text(ADMIN[1])
        _certify(folder)
        _own(folder)
        _as_nobody(
            [program("initdb"), "-D", data, "-U", ADMIN[0], "-A", "scram-sha-256", "--pwfile", secret,
             "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        )  # fmt: skip
        secret.unlink()
        (data / "pg_hba.conf").write_text(hba)
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "ssl": "on",
            "ssl_cert_file": folder / "certificate.pem",
            "ssl_key_file": folder / "key.pem",
            "fsync": "off",
            "log_statement": "all",
            "log_connections": "on",
            "log_min_error_statement": "debug5",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        arguments = [program("postgres"), "-D", str(data), "-p", str(port), *settings]
        with _running(
            DatabaseServer(folder, port, arguments, lambda server: postgresql_session(server, *ADMIN).close())
        ) as server:
            yield server


@contextmanager
def mariadb_server() -> Iterator[DatabaseServer]:
    """MariaDB, with its general log."""
    with _folder("maria") as folder:
        data, port = folder / "data", _free_port()
        data.mkdir()
        script = folder / "first.sql"
        _certify(folder)
        user, password = ADMIN
        script.write_text(
            f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL ON *.* TO '{user}'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        _own(folder)
        common = ["--no-defaults", f"--datadir={data}"]
        _as_nobody(
            [program("mariadb-install-db"), *common, "--auth-root-authentication-method=socket", "--skip-test-db"]
        )
        options = {
            "ssl-cert": folder / "certificate.pem",
            "ssl-key": folder / "key.pem",
            "port": port,
            "bind-address": "127.0.0.1",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "general-log": "on",
            "general-log-file": folder / "general.log",
            "log-bin": folder / "binary",
            "skip-name-resolve": "on",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "16M",
        }
        arguments = [program("mariadbd"), *common, *(f"--{name}={value}" for name, value in options.items())]
        first = DatabaseServer(folder, port, [*arguments, f"--init-file={script}"], _mariadb_answers)
        first.start()
        first.stop()
        script.unlink()
        for log in folder.glob("*.log"):
            log.unlink()
        with _running(DatabaseServer(folder, port, arguments, _mariadb_answers)) as server:
            yield server


def postgresql_session(server: DatabaseServer, user: str, password: str) -> Any:
    """A connection as an application has one."""
    import pg8000.native  # noqa: PLC0415 - an extra

    channel = socket.create_connection(("127.0.0.1", server.port), 10)
    try:
        session = pg8000.native.Connection(
            user, sock=channel, password=password, database="postgres", ssl_context=False, application_name="shop"
        )
    except BaseException:
        close_channel(channel)
        raise
    session.hang_up = lambda: close_channel(channel)  # for one that the server has ended
    return session


def mariadb_session(server: DatabaseServer, user: str, password: str) -> Any:
    """A connection as an application has one."""
    import pymysql  # noqa: PLC0415 - an extra

    session = pymysql.connect(
        host="127.0.0.1", port=server.port, user=user, password=password, ssl_disabled=True, connect_timeout=10,
        autocommit=True,
    )  # fmt: skip
    session.hang_up = session._force_close
    return session


def program(name: str) -> str:
    """A program of either server. Fails the test with what installs it."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/sbin"), Path("/usr/bin")]
    found = shutil.which(name, path=os.pathsep.join(str(folder) for folder in folders))
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install postgresql mariadb-server")
    return found


@contextmanager
def _running(server: DatabaseServer) -> Iterator[DatabaseServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Below /tmp: the path of a socket has 107 bytes at most, and nobody must get there."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _certify(folder: Path) -> None:
    """A certificate for 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a database of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    (folder / "key.pem").chmod(0o600)


def _own(folder: Path) -> None:
    for path in (folder, *folder.iterdir()):
        os.chown(path, _user().pw_uid, _user().pw_gid)


def _user() -> pwd.struct_passwd:
    """A server refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as_nobody(arguments: list[object]) -> None:
    user = _user()
    done = subprocess.run(
        [str(word) for word in arguments], capture_output=True, user=user.pw_uid, group=user.pw_gid, extra_groups=[],
        cwd="/", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()


def _mariadb_answers(server: DatabaseServer) -> None:
    mariadb_session(server, *ADMIN).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
