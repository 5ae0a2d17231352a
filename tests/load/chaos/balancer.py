"""HAProxy before the gateways, as a TCP balancer, and what it tells about each connection: which gateway held it.

It asks each gateway's `/healthz` and takes one that does not answer out, with all connections that it has to it. A gateway that is told to
stop is not taken out, as an operator's deployment would do it: it refuses what is new, and what is under way ends as the gateway sees fit.
"""

import collections
import socket
import subprocess
import threading
import time

from services import GATEWAY_PORT, PATIENCE, wait_until

PORT = 4444

CONFIGURATION = """
global
    maxconn 4000
    # Two threads that log at once drop what the other does not let them write soon enough.
    nbthread 1
    # A pipe, because of datagrams the kernel keeps ten, and connections end by the dozen.
    log stdout format raw local0
    stats socket {folder}/admin.socket level admin
defaults
    mode tcp
    log global
    # Which connection, by the client's address; which gateway had it; how it ended.
    log-format "%ci:%cp %s %ts"
    timeout connect 2s
    # Nobody is cut off for being silent.
    timeout client 1h
    timeout server 1h
    retries 4
    # What one gateway does not take, the next one gets, at once.
    option redispatch 1
    # A connection that waits for a gateway which is taken out ends there and then, as that gateway's. Without this HAProxy condemns it,
    # goes on waiting, sends the request to the next gateway after the time for connecting, and closes it there before an answer can come.
    option abortonclose
frontend clients
    bind {address}:{port}
    default_backend gateways
backend gateways
    balance leastconn
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host {address}
    # One that hangs is found within 2.7 s, and its connections end: what a client waits for that is no fault of Roost's is to stay short.
    timeout check 1s
    default-server check inter 500ms fastinter 200ms fall 2 rise 2 on-marked-down shutdown-sessions
{servers}
"""

# One connection as HAProxy tells of it when it is over. `ended` is of the machine's monotonic clock.
Connection = collections.namedtuple("Connection", "gateway termination ended")


class Balancer:
    def __init__(self, host, gateways, folder):
        self.host, self.folder = host, folder
        self.address = f"{host.address}:{PORT}"
        self.connections = collections.defaultdict(list)
        # What HAProxy said of gateways that came and went, with the time.
        self.remarks = []
        servers = "\n".join(f"    server {gateway.name} {gateway.place.address}:{GATEWAY_PORT}" for gateway in gateways)
        path = folder / "haproxy.cfg"
        path.write_text(CONFIGURATION.format(folder=folder, address=host.address, port=PORT, servers=servers))
        with open(folder / "haproxy.log", "ab") as log:
            self.process = subprocess.Popen(
                host.command("haproxy", "-db", "-f", path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_until(lambda: all(self.sees(gateway.name) for gateway in gateways), "that HAProxy sees the gateways")

    def _read(self):
        for line in self.process.stdout:
            words, now = line.split(), time.monotonic()
            if len(words) == 3 and words[0].startswith("10.214."):
                self.connections[words[0]].append(Connection(words[1], words[2], now))
            elif line.startswith("Server "):
                self.remarks.append((now, line.strip()))

    def tell(self, command):
        """What HAProxy answers to a command on its own socket."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(f"{self.folder}/admin.socket")
            connection.sendall(f"{command}\n".encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts).decode()
        except (FileNotFoundError, ConnectionRefusedError):
            return ""
        finally:
            connection.close()

    def sees(self, gateway):
        """Whether HAProxy takes a gateway for one that works."""
        for line in self.tell("show stat").splitlines():
            fields = line.split(",")
            if fields[:2] == ["gateways", gateway]:
                return fields[17].startswith("UP")
        return False

    def dropped(self):
        """How many connections HAProxy has told nothing of."""
        words = dict(line.split(": ", 1) for line in self.tell("show info").splitlines() if ": " in line)
        return int(words["DroppedLogs"])

    def stop_checking(self, gateway):
        self.tell(f"disable health gateways/{gateway}")

    def check_again(self, gateway):
        self.tell(f"enable health gateways/{gateway}")

    def connection(self, address, since, until):
        """The connection from an address that ended at some time; None when HAProxy has told of none."""
        return next((connection for connection in self.connections.get(address, ()) if since <= connection.ended <= until), None)
