"""The real services, each in a namespace of its own, started one by one, and the database that they share."""

import http.client
import json
import os
import pathlib
import secrets
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]

# For what hangs; nothing that works comes near it, whatever else the machine is doing.
PATIENCE = 60
GATEWAY_PORT, SESSIONS_PORT, ADMIN_PORT = 4400, 4402, 4401
# Of the services, in seconds; the default, said aloud because the test counts on it.
LEASE = 5


def wait_until(condition, what, patience=PATIENCE):
    """Asks until there is an answer that is true, and gives it."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {patience} s")
        time.sleep(0.02)


class Service:
    """One process of one of the two services; it is started again in the same place, at the same address."""

    def __init__(self, name, program, host, hub, environment, log):
        self.name, self.program, self.host, self.hub, self.environment, self.log = name, program, host, hub, environment, log
        self.port = GATEWAY_PORT if name.startswith("g") else SESSIONS_PORT
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.host.command(self.program), env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
                start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def state(self):
        """The letter under which the kernel has the process: `T` for one that was stopped."""
        text = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        return text[text.rindex(")") + 2]

    def ask(self, path, timeout=1.0):
        """The status of an answer on the listener for operators; None when there is none in time."""
        connection = http.client.HTTPConnection(self.host.address, ADMIN_PORT)
        try:
            connection.sock = self.hub.connect(self.host.address, ADMIN_PORT, timeout)
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wait_until_ready(self):
        def is_ready():
            if not self.is_running:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.last_lines()}")
            return self.ask("/readyz") == 200

        wait_until(is_ready, f"readiness of {self.name}")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()

    def signal(self, number):
        os.kill(self.pid, number)

    def terminate(self):
        """Ends it in good order and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process.stdin.close()
        return status

    def last_lines(self):
        return "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-8:])


class Database:
    """A PostgreSQL server of its own, over TCP with passwords for the services, over its socket for this program."""

    def __init__(self, network, folder):
        self.host, self.hub, self.password = network["db"], network.hub, secrets.token_hex(16)
        rules = folder / "hba"
        rules.write_text("local all all trust\nhost all all 10.214.0.0/24 scram-sha-256\n")
        # No machine goes down here, only processes: what the kernel has, it keeps.
        self.script = subprocess.Popen(
            self.host.command(
                ROOT / "deploy/private-postgres", "--fsync", "off", "--hba", rules, "--set", f"listen_addresses={self.host.address}",
                ends_itself=True),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._read_ready()
        self.run(f"CREATE ROLE roost_service LOGIN PASSWORD '{self.password}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
        self.pass_file = folder / "pgpass"
        self.pass_file.write_text(f"*:*:*:roost_service:{self.password}\n")
        self.pass_file.chmod(0o600)
        self.url = f"postgresql://roost_service@{self.host.address}:{self.port}/postgres?passfile={self.pass_file}"
        self.owner_url = f"postgresql://roost@/postgres?host={self.socket_folder}&port={self.port}"

    def _read_ready(self):
        words = self.script.stdout.readline().split()
        if len(words) != 4 or words[0] != "ready":
            raise RuntimeError(f"PostgreSQL did not start: {words}")
        self.port, self.socket_folder = int(words[1]), words[2]

    def _command(self, word):
        self.script.stdin.write(f"{word}\n")
        self.script.stdin.flush()

    def stop(self, how):
        """Ends the server: `fast` as `pg_ctl -m fast` does, `immediate` as a crash does."""
        self._command({"fast": "shutdown", "immediate": "stop"}[how])
        answer = self.script.stdout.readline().strip()
        if answer != "stopped":
            raise RuntimeError(f"private-postgres answered {answer!r}")

    def start(self):
        self._command("start")
        self._read_ready()

    def run(self, sql):
        done = subprocess.run(
            [str(self.programs / "psql"), "-X", "-h", self.socket_folder, "-p", str(self.port), "-U", "roost", "-v", "ON_ERROR_STOP=1",
             "-AtF", "\t", "-f", "-", "postgres"], input=sql, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def release(self):
        """Lets the server end, which takes its files with it."""
        self.script.stdin.close()


class Installation:
    """Database, session-services and gateways."""

    def __init__(self, build, folder, network, session_names, gateway_names, special=None):
        """`special` has further environment for services by their names."""
        self.network, self.folder = network, folder
        self.database = Database(network, folder)
        self.upstream_address = f"{network['up'].address}:8080"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
        environment.update(
            ROOST_VAULT_KEY_FILE=f"{folder}/vault.key", ROOST_CHANNEL_KEY_FILE=f"{folder}/channel.key",
            ROOST_DATABASE_URL=self.database.url, ROOST_LOG_LEVEL="notice", ROOST_EGRESS_ALLOW=self.upstream_address,
            ROOST_REPLICA_LEASE=f"{LEASE}s")
        try:
            self._tool(build, dict(environment, ROOST_DATABASE_OWNER_URL=self.database.owner_url), "migrate")
            self._tool(build, environment, "bootstrap", "--keys-file", f"{folder}/keys.json")
            self.keys = json.loads((folder / "keys.json").read_text())
        except BaseException:
            self.database.release()
            raise
        environment["ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT"] = "true"

        def service(name, program, part, port):
            host = network[name]
            own = {f"ROOST_{part}_HOST": host.address, f"ROOST_{part}_PORT": str(port), f"ROOST_{part}_ADMIN_HOST": host.address,
                   f"ROOST_{part}_ADMIN_PORT": str(ADMIN_PORT)}
            return Service(
                name, build / program, host, network.hub, {**environment, **own, **(special or {}).get(name, {})}, folder / f"{name}.log")

        self.sessions = [service(name, "session-service", "SESSIONS", SESSIONS_PORT) for name in session_names]
        self.gateways = [service(name, "api-gateway", "GATEWAY", GATEWAY_PORT) for name in gateway_names]

    def _tool(self, build, environment, *arguments):
        # In the database's own namespace, where its address is.
        done = subprocess.run(
            self.database.host.command(build / "roost", *arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=PATIENCE)
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
        connection = http.client.HTTPConnection(gateway.host.address, GATEWAY_PORT)
        connection.sock = self.network.hub.connect(gateway.host.address, GATEWAY_PORT, PATIENCE)
        try:
            fields = {"Authorization": f"Bearer {self.keys['admin_key']}", "Content-Type": "application/json"}
            connection.request("POST", f"/api/v1{path}", json.dumps(body), fields)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 201:
            raise RuntimeError(f"POST {path}: {answer.status} {text[:500]!r}")
