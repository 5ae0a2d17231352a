"""The real services as processes, started one by one so that each can be killed and started again alone."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

# For what hangs; nothing that works comes near it, whatever else the machine is doing.
PATIENCE = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """One of the two services. It ends with this program, however that ends, by its standard input."""

    def __init__(self, program, environment, admin_port, log):
        self.program, self.environment, self.admin_port, self.log = program, environment, admin_port, log
        self.name = program.name
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program)], env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_until_ready(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.last_lines()}")
            connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.02)
        raise TimeoutError(f"{self.name} was not ready within {PATIENCE} s:\n{self.last_lines()}")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()

    def stop(self):
        """Ends it in good order and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process.stdin.close()
        return status

    def last_lines(self):
        return "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-8:])


class Installation:
    """Gateway, session-service and what they share, on a database."""

    def __init__(self, build, folder, database):
        self.build, self.folder, self.database = build, folder, database
        ports = [free_port() for _ in range(3)]
        self.port = ports[0]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
        environment.update(
            ROOST_VAULT_KEY_FILE=f"{folder}/vault.key", ROOST_CHANNEL_KEY_FILE=f"{folder}/channel.key", ROOST_GATEWAY_HOST="127.0.0.1",
            ROOST_GATEWAY_PORT=str(ports[0]), ROOST_GATEWAY_ADMIN_PORT=str(ports[1]), ROOST_SESSIONS_ADMIN_PORT=str(ports[2]),
            ROOST_DATABASE_URL=database.url, ROOST_LOG_LEVEL="notice")
        owner = dict(environment, **({"ROOST_DATABASE_OWNER_URL": database.owner_url} if database.owner_url else {}))
        self.tool(owner, "migrate")
        self.tool(environment, "bootstrap", "--keys-file", f"{folder}/keys.json")
        self.keys = json.loads((folder / "keys.json").read_text())
        environment["ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT"] = "true"
        self.gateway = Service(build / "api-gateway", environment, ports[1], folder / "api-gateway.log")
        self.sessions = Service(build / "session-service", environment, ports[2], folder / "session-service.log")
        self.services = [self.sessions, self.gateway]

    def tool(self, environment, *arguments):
        done = subprocess.run(
            [str(self.build / "roost"), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"roost {' '.join(arguments)}: {done.stdout}")

    def start(self):
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_until_ready()

    def pids(self):
        """The running services' processes."""
        return {service.name: service.pid for service in self.services if service.is_running}

    def close(self):
        for service in self.services:
            if service.is_running:
                service.kill()
