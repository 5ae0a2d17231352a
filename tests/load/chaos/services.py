"""The real services, each in a namespace of its own, and the database that they share, over TCP with passwords."""

import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import installation, postgres  # noqa: E402
from support.installation import Seat  # noqa: E402
from support.processes import PATIENCE, Place, wait_until  # noqa: E402, F401

GATEWAY_PORT, SESSIONS_PORT, ADMIN_PORT = 4400, 4402, 4401
# Of the services, in seconds; the default, said aloud because the test counts on it.
LEASE = 5


class Namespace(Place):
    """A host of the test's network, which this program reaches from the hub."""

    def __init__(self, host, hub, ends_itself=False):
        self.host, self.hub, self.address, self.ends_itself = host, hub, host.address, ends_itself

    def command(self, *command):
        return self.host.command(*command, ends_itself=self.ends_itself)

    def connect(self, port, timeout):
        return self.hub.connect(self.address, port, timeout)


class Database(postgres.PostgreSQL):
    """Over TCP for the services, over its socket for this program."""

    def __init__(self, network, folder):
        self.host = network["db"]
        rules = folder / "hba"
        rules.write_text("local all all trust\nhost all all 10.214.0.0/24 scram-sha-256\n")
        # No machine goes down here, only processes: what the kernel has, it keeps.
        super().__init__(
            Namespace(self.host, network.hub, ends_itself=True), fsync=False,
            arguments=("--hba", rules, "--set", f"listen_addresses={self.host.address}"))
        password = secrets.token_hex(16)
        self.run(f"CREATE ROLE roost_service LOGIN PASSWORD '{password}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
        passwords = folder / "pgpass"
        passwords.write_text(f"*:*:*:roost_service:{password}\n")
        passwords.chmod(0o600)
        self.url = f"postgresql://roost_service@{self.host.address}:{self.port}/postgres?passfile={passwords}"


class Installation(installation.Installation):
    """Database, session-services and gateways in the test's network."""

    def __init__(self, build, folder, network, session_names, gateway_names, special):
        """`special` has further environment for services by their names."""
        self.upstream_address = f"{network['up'].address}:8080"
        database = Database(network, folder)

        def seats(names, port):
            return [Seat(name, Namespace(network[name], network.hub), port, ADMIN_PORT, special.get(name, {})) for name in names]

        try:
            super().__init__(
                build, folder, database, seats(session_names, SESSIONS_PORT), seats(gateway_names, GATEWAY_PORT),
                {"ROOST_EGRESS_ALLOW": self.upstream_address, "ROOST_REPLICA_LEASE": f"{LEASE}s"})
        except BaseException:
            database.release()
            raise
