"""The two databases: how they are killed, damaged and examined from outside of Roost."""

import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time

from support import postgres
from support.processes import PATIENCE, Place

# What is written in one transaction is there whole or not at all. Each gives the number of rows that lack their other half.
HALVES = {
    "connections without their secret": """
        SELECT COUNT(*) FROM connections c WHERE NOT EXISTS (
            SELECT 1 FROM sealed_secrets s WHERE s.organization_id = c.organization_id AND s.owner_id = c.id)""",
    "secrets without their connection": """
        SELECT COUNT(*) FROM sealed_secrets s WHERE NOT EXISTS (
            SELECT 1 FROM connections c WHERE c.organization_id = s.organization_id AND c.id = s.owner_id)""",
    "accounts without their key": """
        SELECT COUNT(*) FROM accounts a WHERE NOT EXISTS (
            SELECT 1 FROM api_keys k WHERE k.organization_id = a.organization_id AND k.account_id = a.id)""",
}


class SQLite:
    """A file, which has no process of its own."""

    name = "SQLite"
    owner_url = None
    place = Place()

    def __init__(self, folder):
        self.path = folder / "roost.db"
        self.url = f"sqlite:{self.path}"

    def run(self, sql):
        connection = sqlite3.connect(self.path, timeout=PATIENCE)
        try:
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    def faults(self):
        found = [f"integrity: {row[0]}" for row in self.run("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"a row of {row[0]} refers to none of {row[2]}" for row in self.run("PRAGMA foreign_key_check")]
        return found + torn(self)

    def close(self):
        pass


class PostgreSQL(postgres.PostgreSQL):
    """A server with fsync on."""

    def __init__(self, _):
        super().__init__()

    def kill(self):
        """All of its processes at once."""
        # The postmaster first, so that it sees none of the others die. The others also by their folder, until there are none: one that was
        # started at this very moment, and waits for a lock that a killed one held, would wait, and keep the next server out, for ever.
        end(self.postmaster)
        deadline = time.monotonic() + PATIENCE
        while processes := living_in(pathlib.Path(self.socket_folder) / "data"):
            for process in processes:
                end(process)
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL's processes {processes} do not end")
            time.sleep(0.01)
        self.stop()

    def kill_backend(self):
        """One process that serves a connection of Roost; the server then ends all others itself, and recovers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            backends = [process for process in children(self.postmaster) if "roost_service" in title(process)]
            if backends:
                return end(random.choice(backends))
            time.sleep(0.02)
        raise TimeoutError("Roost did not connect to PostgreSQL")

    def faults(self):
        found = []
        done = subprocess.run(
            self.program("pg_amcheck", "--install-missing", "--heapallindexed", "--parent-check"), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            found.append(f"pg_amcheck: {done.stdout[-2000:]}")
        # Each foreign key as the query that finds rows without the one that they refer to.
        keys = self.run("""
            SELECT conname, format('SELECT COUNT(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT 1 FROM %s p WHERE %s)', conrelid::regclass,
                string_agg(format('c.%I IS NOT NULL', child.attname), ' AND '), confrelid::regclass,
                string_agg(format('p.%I = c.%I', parent.attname, child.attname), ' AND '))
            FROM pg_constraint, unnest(conkey, confkey) AS pair (child, parent)
                JOIN pg_attribute child ON true JOIN pg_attribute parent ON true
            WHERE contype = 'f' AND child.attrelid = conrelid AND child.attnum = pair.child
                AND parent.attrelid = confrelid AND parent.attnum = pair.parent
            GROUP BY conname, conrelid, confrelid""")
        if not keys:
            raise RuntimeError("there are no foreign keys")
        found += [f"{name}: {self.run(sql)[0][0]} rows refer to none" for name, sql in keys if self.run(sql) != [("0",)]]
        return found + torn(self)


def torn(database):
    """Halves of what was written in one transaction."""
    counts = {what: int(database.run(sql)[0][0]) for what, sql in HALVES.items()}
    return [f"{count} {what}" for what, count in counts.items() if count]


def children(process):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(text[text.rindex(")") + 2 :].split()[1]) == process:
                found.append(int(entry.name))
    return found


def living_in(folder):
    """The processes whose working directory is the folder, as that of all of a PostgreSQL server's is its data."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd") == str(folder):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def title(process):
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def end(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
