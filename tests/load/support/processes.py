"""The real services as processes, started one by one so that each can be stopped, killed and started again alone."""

import http.client
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]

# For what hangs, in seconds; nothing that works comes near it, whatever else the machine is doing.
PATIENCE = 120


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


def free_port():
    """A port that nobody has, and that stays free while its process is away: outside of the range that connections get theirs from."""
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.SystemRandom().randrange(10_000, 65_536)
        with socket.socket() as probe:
            try:
                if not first <= port <= last:
                    probe.bind(("127.0.0.1", port))
                    return port
            except OSError:
                continue


class Place:
    """Where processes run, and how this program reaches them: on this machine, over loopback."""

    address = "127.0.0.1"

    def command(self, *command):
        """The command line that runs a command there."""
        return [str(word) for word in command]

    def connect(self, port, timeout):
        """A TCP connection to a process there; OSError when there is none in time."""
        return socket.create_connection((self.address, port), timeout)


class Service:
    """One process of one of the two services; it is started again in the same place, at the same address.

    It ends with this program, however that ends, by its standard input.
    """

    def __init__(self, name, program, place, port, admin_port, environment, log):
        self.name, self.program, self.place, self.port, self.admin_port = name, program, place, port, admin_port
        self.environment, self.log = environment, log
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.place.command(self.program), env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
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
        answer = self._get(path, timeout)
        return answer and answer[0]

    def read(self, path):
        """The text of an answer on the listener for operators."""
        status, text = self._get(path, PATIENCE) or (None, b"")
        if status != 200:
            raise RuntimeError(f"{self.name} answered {path} with {status}")
        return text.decode()

    def _get(self, path, timeout):
        connection = http.client.HTTPConnection(self.place.address, self.admin_port)
        try:
            connection.sock = self.place.connect(self.admin_port, timeout)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
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
