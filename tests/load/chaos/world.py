"""Everything that runs: network, upstream, installation, balancer and clients, and how it begins and ends."""

import json
import pathlib
import subprocess
import sys
import threading
import time

import fencing
import work
from balancer import Balancer
from network import Network
from services import PATIENCE, Installation
from verdict import Gateways, Seen

HERE = pathlib.Path(__file__).resolve().parent
SESSION_SERVICES = ("s1", "s2", "s3")
GATEWAYS = ("g1", "g2")


class Clients:
    """The processes with the official client, and what they have told so far."""

    def __init__(self, host, python, options, processes, sessions, folder):
        self.attempts, self.notes, self.opened, self.done = [], [], 0, 0
        self.processes = []
        for number in range(processes):
            own = dict(options, name=f"c{number}", sessions=len(range(number, sessions, processes)))
            with open(folder / f"c{number}.log", "ab") as log:
                self.processes.append(subprocess.Popen(
                    host.command(python, HERE / "clients.py", json.dumps(own)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                    text=True, start_new_session=True))
        self.readers = [threading.Thread(target=self._read, args=[process], daemon=True) for process in self.processes]
        for reader in self.readers:
            reader.start()

    def _read(self, process):
        for line in process.stdout:
            told = json.loads(line)
            if "attempt" in told:
                self.attempts.append((told["attempt"], told["is_repeated"]))
            elif "opened" in told:
                self.opened += 1
            elif "done" in told:
                self.done += 1
            else:
                self.notes.append(told["note"])

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                raise RuntimeError(f"a client process ended with {process.returncode}; see its log")

    def stop(self):
        """Has every session make its last call, and waits for it."""
        for process in self.processes:
            process.stdin.write("stop\n")
            process.stdin.flush()
        for process in self.processes:
            process.wait(2 * PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        if self.done != len(self.processes):
            raise RuntimeError("not all client processes came to their end; see their logs")


class World:
    def __init__(self, options, folder, rng):
        self.options, self.folder, self.random = options, folder, rng
        self.gateways = Gateways(GATEWAYS)
        self.complaints = []
        self.clients = self.installation = self.balancer = None
        special = {}
        self.preferred = None
        if options.break_what == "fencing":
            # Installations give all processes the same lease. This one believes that it may go on whatever happened to it.
            self.preferred = SESSION_SERVICES[0]
            special[self.preferred] = {"ROOST_REPLICA_LEASE": "10m"}
        self.network = Network(["db", "up", "lb", "cl", *SESSION_SERVICES, *GATEWAYS], folder)
        try:
            self.seen_path = folder / "seen"
            self._start_upstream()
            self.installation = Installation(options.build.resolve(), folder, self.network, SESSION_SERVICES, GATEWAYS, special)
            self.installation.start()
            fencing.watch(self.installation.database)
            self.installation.post("/integrations", {"slug": work.SLUG, "url": f"http://{self.installation.upstream_address}/openapi.json"})
            self.installation.post(f"/integrations/{work.SLUG}/connections", {"name": "main", "method": "none"})
            self.installation.post("/policies", {"pattern": f"{work.SLUG}.*.*.value.write", "action": "allow"})
            self.balancer = Balancer(self.network["lb"], self.installation.gateways, folder)
        except BaseException:
            self.close()
            raise

    def _start_upstream(self):
        host = self.network["up"]
        with open(self.folder / "upstream.log", "ab") as log:
            self.upstream = subprocess.Popen(
                host.command(sys.executable, HERE / "upstream.py", host.address, "8080", self.seen_path), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        if self.upstream.stdout.readline() != "ready\n":
            raise RuntimeError("the upstream did not start")

    def start_clients(self):
        options = {
            "url": f"http://{self.balancer.address}/mcp", "key": self.installation.keys["agent_key"], "pause": self.options.pause,
            "seed": self.options.seed}
        python = pathlib.Path(__file__).resolve().parents[3] / ".venv/bin/python"
        self.clients = Clients(self.network["cl"], python, options, self.options.processes, self.options.sessions, self.folder)
        end = time.monotonic() + PATIENCE
        while self.clients.opened < self.options.sessions:
            self.clients.check()
            if time.monotonic() > end:
                raise TimeoutError(f"only {self.clients.opened} sessions were opened: {self.clients.notes[-3:]}")
            time.sleep(0.1)

    def complain(self, text):
        """Something that is none of the accounting's classes and must not be all the same."""
        self.complaints.append(text)

    def check(self):
        """What was not struck must be running."""
        self.clients.check()
        for service in self.installation.services:
            if not service.is_running:
                raise RuntimeError(f"{service.name} ended by itself with {service.process.returncode}:\n{service.last_lines()}")

    def seen(self):
        """All requests that the upstream has seen."""
        with open(self.seen_path, encoding="utf-8") as file:
            return [Seen(*words) for words in map(json.loads, file)]

    def finished(self):
        """The programs that ran to their end, by the hash of their text."""
        return {row[0] for row in self.installation.database.run("SELECT code_hash FROM executions WHERE state = 'completed'")}

    def close(self):
        """Ends everything, by its namespaces; the folder goes with them."""
        if self.installation:
            self.installation.database.release()
        self.network.close()
