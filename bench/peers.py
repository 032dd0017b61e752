"""The peers of the real-time benchmark from Debian's packages: ejabberd and prosody, archives in PostgreSQL.

Both serve one anonymous host and a component with rooms over plain TCP, keep the rooms' archive in a database of their
own on the same PostgreSQL as OnRecord, and are told not to tell everybody who enters.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests import services

EJABBERD = """
hosts: [localhost]
loglevel: warning
listen:
  - {port: %(port)d, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, access: all,
     backlog: 1024}
auth_method: [anonymous]
anonymous_protocol: sasl_anon
allow_multiple_connections: true
default_db: sql
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: %(database_port)d
sql_database: "%(database)s"
sql_username: "onrecord"
sql_password: "%(password)s"
modules:
  mod_disco: {}
  mod_mam: {db_type: sql, default: never}
  mod_muc:
    db_type: sql
    max_users: 20000
    max_user_conferences: 20000
    min_message_interval: 0
    min_presence_interval: 0
    room_shaper: none
    history_size: 0
    default_room_options:
      mam: true
      public: true
      persistent: true
      max_users: 20000
      presence_broadcast: []
"""

PROSODY = """
run_as_root = true
daemonize = false
pidfile = "%(folder)s/prosody.pid"
data_path = "%(folder)s"
log = { warn = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_ports = { }
modules_enabled = { "saslauth", "disco" }
allow_unencrypted_plain_auth = true
modules_disabled = { "s2s", "tls", "offline" }
c2s_require_encryption = false
storage = "sql"
sql = { driver = "PostgreSQL", database = "%(database)s", host = "127.0.0.1", port = %(database_port)d,
        username = "onrecord", password = "%(password)s" }
VirtualHost "localhost"
  authentication = "anonymous"
Component "conference.localhost" "muc"
  modules_enabled = { "muc_mam" }
  muc_log_by_default = true
  muc_log_presences = false
  muc_room_locking = false
  muc_room_default_persistent = true
  muc_room_default_history_length = 0
  muc_room_default_presence_broadcast = { visitor = false, participant = false, moderator = false }
"""


class PeerMissing(RuntimeError):
    """The package is not installed; the message says which."""


@dataclass
class Peer(services.Server):
    """One XMPP server with its own database."""

    database_url: str = ""

    template = ""
    file = ""
    program = ""

    def prepare(self) -> None:
        """Make the database and the configuration; raises PeerMissing."""
        if shutil.which(self.program) is None:
            raise PeerMissing(
                f"{self.name} is missing: apt-get install ejabberd erlang-p1-pgsql prosody lua-dbi-postgresql"
            )
        address = urlsplit(self.database_url)
        database = f"{self.name}_{self.port}"
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}".encode())
        values = {"port": self.port, "database_port": address.port, "database": database, "folder": self.folder}
        (self.folder / self.file).write_text(self.template % (values | {"password": address.password}))
        self.database_url = self.database_url.rsplit("/", 1)[0] + f"/{database}"

    def answers(self) -> bool:
        """Say whether a stream is opened."""
        code = (
            "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),2); s.settimeout(2);"
            "s.sendall(b\"<stream:stream to='localhost' xmlns='jabber:client' version='1.0' "
            "xmlns:stream='http://etherx.jabber.org/streams'>\"); sys.exit(b'stream' not in s.recv(4096))"
        )
        done = subprocess.run(["python3", "-c", code, str(self.port)], capture_output=True, check=False)
        return done.returncode == 0


@dataclass
class Ejabberd(Peer):
    name = "ejabberd"
    template = EJABBERD
    file = "ejabberd.yml"
    program = "ejabberdctl"

    def prepare(self) -> None:
        super().prepare()
        tables = Path("/usr/share/ejabberd/sql/pg.sql").read_text(encoding="utf-8")
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(re.sub(r"^--.*$", "", tables, flags=re.MULTILINE).encode())

    def command(self) -> list[str]:
        programs = next(
            path for path in Path("/usr/lib").glob("*/ejabberd-*/ebin") if (path / "ejabberd.beam").exists()
        )
        folder = str(self.folder)
        paths = [f"EJABBERD_CONFIG_PATH={folder}/{self.file}", f"EJABBERD_LOG_PATH={folder}/ejabberd.log"]
        options = ["-noinput", "-sname", f"bench{self.port}@localhost", "-mnesia", "dir", f'"{folder}/mnesia"']
        home = [f"HOME={folder}", "ERL_MAX_PORTS=32000", "ERL_EPMD_ADDRESS=127.0.0.1"]
        emulator = ["erl", "+K", "true", "+P", "250000", "+Q", "32000", "-pa", str(programs)]
        return ["env", *home, *paths, *emulator, *options, "-s", "ejabberd"]


@dataclass
class Prosody(Peer):
    name = "prosody"
    template = PROSODY
    file = "prosody.cfg.lua"
    program = "prosody"

    def command(self) -> list[str]:
        return ["prosody", "-F", "--config", str(self.folder / self.file)]


PEERS: dict[str, type[Peer]] = {"ejabberd": Ejabberd, "prosody": Prosody}
