"""Network namespaces of our own, one for each process, on one bridge: so that the way between any two can be cut.

Nothing in here has a way out of the machine, and nothing is left behind: a guard, a small process that holds one end of a pipe, ends
whatever still runs in the namespaces and removes them as soon as this program closes the other end, or dies.
"""

import contextlib
import ctypes
import os
import socket
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000

# Reads until its standard input ends, then ends what is in the namespaces, and removes them and the folder.
GUARD = """
trap '' INT TERM HUP PIPE
while read -r _; do :; done
# The database ends by itself, and takes its files with it.
for attempt in $(seq 1 50); do
    [ -n "$(ip netns pids "{prefix}-db" 2>/dev/null)" ] || break
    sleep 0.1
done
for attempt in $(seq 1 50); do
    alive=
    for name in {names}; do
        for process in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$process" 2>/dev/null; alive=yes; done
    done
    [ -n "$alive" ] || break
    sleep 0.1
done
for name in {names}; do ip netns del "$name" 2>/dev/null; done
rm -rf "{folder}"
"""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class Host:
    """One namespace with one address."""

    def __init__(self, namespace, address):
        self.namespace, self.address = namespace, address
        self.path = f"/run/netns/{namespace}"

    def command(self, *command, ends_itself=False):
        """The command line that runs a command in here, and has the kernel end it with this program unless it sees to that itself."""
        leash = [] if ends_itself else ["setpriv", "--pdeathsig", "KILL", "--"]
        return ["nsenter", f"--net={self.path}", *leash, *map(str, command)]

    @contextlib.contextmanager
    def entered(self):
        """What this thread opens meanwhile, it opens in here; a socket stays where it was made."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(home)

    def _enter(self, namespace):
        if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def connect(self, address, port, timeout):
        """A TCP connection from here; OSError when there is none in time."""
        with self.entered():
            connection = socket.socket()
        connection.settimeout(timeout)
        try:
            connection.connect((address, port))
        except BaseException:
            connection.close()
            raise
        return connection

    def reaches(self, address, port, timeout=1.0):
        """Whether somebody takes a connection from here: `yes`, `refused`, or `silent` when nothing comes back."""
        try:
            self.connect(address, port, timeout).close()
            return "yes"
        except TimeoutError:
            return "silent"
        except OSError:
            return "refused"


class Network:
    """The hosts by name, and `hub`, the bridge's own host, from which this program looks at the others."""

    def __init__(self, names, folder):
        self.prefix = f"chaos{os.getpid()}"
        # Nobody else can meet these addresses: they are on a bridge inside of a namespace.
        self.hub = Host(f"{self.prefix}-hub", "10.214.0.1")
        self.hosts = {name: Host(f"{self.prefix}-{name}", f"10.214.0.{10 + number}") for number, name in enumerate(names)}
        everything = [self.hub, *self.hosts.values()]
        script = GUARD.format(names=" ".join(host.namespace for host in everything), prefix=self.prefix, folder=folder)
        self.guard = subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, start_new_session=True)
        run("ip", "netns", "add", self.hub.namespace)
        inside = ["ip", "-n", self.hub.namespace]
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "add", "bridge", "type", "bridge")
        run(*inside, "addr", "add", f"{self.hub.address}/24", "dev", "bridge")
        run(*inside, "link", "set", "bridge", "up")
        for name, host in self.hosts.items():
            run("ip", "netns", "add", host.namespace)
            run(*inside, "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            run(*inside, "link", "set", f"v-{name}", "master", "bridge", "up")
            run("ip", "-n", host.namespace, "link", "set", "lo", "up")
            run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            run("ip", "-n", host.namespace, "link", "set", "eth0", "up")

    def __getitem__(self, name):
        return self.hosts[name]

    def cut(self, one, other):
        """Lets no packet through between two hosts, silently, in either direction."""
        for rule in self._rules(one, other):
            run(*rule("-I"))

    def mend(self, one, other):
        for rule in self._rules(one, other):
            run(*rule("-D"))

    def _rules(self, one, other):
        tool = ["nsenter", f"--net={self[one].path}", "iptables", "-w"]
        address = self[other].address
        return [
            lambda verb: [*tool, verb, "INPUT", "-s", address, "-j", "DROP"],
            lambda verb: [*tool, verb, "OUTPUT", "-d", address, "-j", "DROP"],
        ]

    def close(self):
        """Ends everything that runs in the namespaces, and removes them."""
        self.guard.stdin.close()
        self.guard.wait(60)
