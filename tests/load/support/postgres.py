"""A PostgreSQL server of a test's own: started, stopped as a crash does, and asked, from outside of Roost."""

import pathlib
import subprocess

from support.processes import PATIENCE, ROOT, Place


class PostgreSQL:
    """A server that ends with this program, however that ends, and takes its files with it."""

    name = "PostgreSQL"

    def __init__(self, place=None, fsync=True, arguments=()):
        """`arguments` are more of those of deploy/private-postgres."""
        self.place = place or Place()
        command = [ROOT / "deploy/private-postgres", "--fsync", "on" if fsync else "off", *arguments]
        self.script = subprocess.Popen(
            self.place.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._read_ready()
        self.url = self.local_url("roost_service")
        self.owner_url = self.local_url("roost")

    def local_url(self, user):
        """How a user connects over the server's socket, without a password."""
        return f"postgresql://{user}@/postgres?host={self.socket_folder}&port={self.port}"

    def _read_ready(self):
        words = self.script.stdout.readline().split()
        if len(words) != 4 or words[0] != "ready":
            raise RuntimeError(f"PostgreSQL did not start: {words}")
        self.port, self.socket_folder, self.postmaster = int(words[1]), words[2], int(words[3])

    def _command(self, word):
        self.script.stdin.write(f"{word}\n")
        self.script.stdin.flush()

    def stop(self, how="immediate"):
        """Ends the server: `fast` as `pg_ctl -m fast` does, `immediate` as a crash does."""
        self._command({"fast": "shutdown", "immediate": "stop"}[how])
        answer = self.script.stdout.readline().strip()
        if answer != "stopped":
            raise RuntimeError(f"private-postgres answered {answer!r}")

    def start(self):
        self._command("start")
        self._read_ready()

    def program(self, name, *arguments):
        """The command line of one of PostgreSQL's programs that connects as the superuser."""
        return [str(self.programs / name), "-h", self.socket_folder, "-p", str(self.port), "-U", "roost", *arguments, "postgres"]

    def run(self, sql):
        """The rows of the statements' answers, as tuples of texts."""
        done = subprocess.run(
            self.program("psql", "-X", "-v", "ON_ERROR_STOP=1", "-qAtF", "\t", "-f", "-"), input=sql, capture_output=True, text=True,
            timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def release(self):
        """Lets the server end, and does not wait for it."""
        self.script.stdin.close()

    def close(self):
        self.release()
        self.script.wait(PATIENCE)
