"""Services of both kinds, as many as a test wants, and the database that they share."""

import dataclasses
import http.client
import json
import os
import subprocess

from support.processes import PATIENCE, Place, Service, free_port


@dataclasses.dataclass
class Seat:
    """Where one service is to run; without ports it gets ones that are free."""

    name: str
    place: Place = dataclasses.field(default_factory=Place)
    port: int = 0
    admin_port: int = 0
    # Of this one alone, beside what all have.
    environment: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.port, self.admin_port = self.port or free_port(), self.admin_port or free_port()


class Installation:
    """A database with Roost's schema and one organization, session-services and gateways, which are not running yet."""

    def __init__(self, build, folder, database, sessions, gateways, environment=None):
        """`sessions` and `gateways` are seats, `environment` is for all services."""
        self.build, self.folder, self.database = build, folder, database
        common = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
        common.update(
            ROOST_VAULT_KEY_FILE=f"{folder}/vault.key", ROOST_CHANNEL_KEY_FILE=f"{folder}/channel.key", ROOST_DATABASE_URL=database.url,
            ROOST_LOG_LEVEL="notice", **(environment or {}))
        owner = {"ROOST_DATABASE_OWNER_URL": database.owner_url} if database.owner_url else {}
        self._tool({**common, **owner}, "migrate")
        self._tool(common, "bootstrap", "--keys-file", f"{folder}/keys.json")
        self.keys = json.loads((folder / "keys.json").read_text())
        common["ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT"] = "true"
        self.sessions = [self._service(seat, "session-service", "SESSIONS", common) for seat in sessions]
        self.gateways = [self._service(seat, "api-gateway", "GATEWAY", common) for seat in gateways]

    def _service(self, seat, program, part, common):
        own = {f"ROOST_{part}_HOST": seat.place.address, f"ROOST_{part}_PORT": str(seat.port),
               f"ROOST_{part}_ADMIN_HOST": seat.place.address, f"ROOST_{part}_ADMIN_PORT": str(seat.admin_port)}
        return Service(
            seat.name, self.build / program, seat.place, seat.port, seat.admin_port, {**common, **own, **seat.environment},
            self.folder / f"{seat.name}.log")

    def _tool(self, environment, *arguments):
        # Where the database's address is.
        command = self.database.place.command(self.build / "roost", *arguments)
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"roost {' '.join(arguments)}: {done.stdout}")

    @property
    def services(self):
        return self.sessions + self.gateways

    def start(self):
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_until_ready()

    def post(self, path, body):
        """Asks the first gateway for a change, as the organization's admin."""
        gateway = self.gateways[0]
        connection = http.client.HTTPConnection(gateway.place.address, gateway.port)
        connection.sock = gateway.place.connect(gateway.port, PATIENCE)
        try:
            fields = {"Authorization": f"Bearer {self.keys['admin_key']}", "Content-Type": "application/json"}
            connection.request("POST", f"/api/v1{path}", json.dumps(body), fields)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 201:
            raise RuntimeError(f"POST {path}: {answer.status} {text[:500]!r}")

    def close(self):
        for service in self.services:
            if service.is_running:
                service.kill()
