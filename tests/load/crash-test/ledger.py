"""What was asked for and what was acknowledged, and whether a listing agrees with it."""

import collections
import dataclasses
import enum
import threading
import time


class Standing(enum.Enum):
    """What is known of one thing that a writer asked for."""

    ASKED = "its creation was asked for and not acknowledged: it may be there"
    THERE = "its creation was acknowledged: it must be there"
    LEAVING = "its removal was asked for and not acknowledged: it may be there"
    GONE = "its removal was acknowledged: it must not be there"


@dataclasses.dataclass
class Entry:
    standing: Standing = Standing.ASKED
    id: str = ""


@dataclasses.dataclass
class Findings:
    """What a look at the installation found wrong, each in words."""

    missing: list = dataclasses.field(default_factory=list)
    duplicates: list = dataclasses.field(default_factory=list)
    unexpected: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.missing += other.missing
        self.duplicates += other.duplicates
        self.unexpected += other.unexpected

    @property
    def counts(self):
        return len(self.missing), len(self.duplicates), len(self.unexpected)

    def __str__(self):
        return "missing={} duplicates={} unexpected={}".format(*self.counts)

    def lines(self):
        for name in ("missing", "duplicates", "unexpected"):
            for text in getattr(self, name)[:20]:
                yield f"{name}: {text}"


class Ledger:
    """The things of one kind in one organization, by their marks. Used by the writer's thread and the checker's."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.entries = {}

    def ask(self, mark):
        with self.lock:
            assert mark not in self.entries
            self.entries[mark] = Entry()

    def created(self, mark, id):
        self._set(mark, Standing.THERE, id)

    def leaving(self, mark):
        self._set(mark, Standing.LEAVING)

    def gone(self, mark):
        self._set(mark, Standing.GONE)

    def _set(self, mark, standing, id=None):
        with self.lock:
            entry = self.entries[mark]
            self.entries[mark] = Entry(standing, entry.id if id is None else id)

    def there(self):
        """What is known to be there, oldest first: pairs of mark and id."""
        with self.lock:
            return [(mark, entry.id) for mark, entry in self.entries.items() if entry.standing is Standing.THERE]

    def snapshot(self):
        with self.lock:
            return dict(self.entries)

    def compare(self, before, listed):
        """Sets what is listed, pairs of mark and id, beside what was known before the listing began and is known now."""
        findings = Findings()
        now = self.snapshot()
        counts = collections.Counter(mark for mark, _ in listed)
        ids = {mark: id for mark, id in listed}
        for mark, entry in before.items():
            if entry.standing is Standing.THERE and now[mark].standing is Standing.THERE:
                if counts[mark] == 0:
                    findings.missing.append(f"{self.name} {mark} ({entry.id}) was acknowledged")
                elif ids[mark] != entry.id and counts[mark] == 1:
                    findings.unexpected.append(f"{self.name} {mark} was acknowledged as {entry.id} and is {ids[mark]}")
            elif entry.standing is Standing.GONE and counts[mark] > 0:
                findings.unexpected.append(f"{self.name} {mark} ({entry.id}) is back, after its removal was acknowledged")
        for mark, count in counts.items():
            if count > 1:
                findings.duplicates.append(f"{self.name} {mark} is there {count} times")
            if mark not in now:
                findings.unexpected.append(f"{self.name} {mark} was never asked for")
        return findings


class Progress:
    """How many writes were acknowledged and what else was answered, for whoever waits for it."""

    def __init__(self):
        self.condition = threading.Condition()
        self.acknowledged = 0
        self.answers = collections.Counter()
        self.unexpected = []
        # For each writer, when the newest of its acknowledged writes was begun.
        self.newest = {}
        # The longest wait for an answer since somebody looked.
        self.slowest = 0.0, "nothing"
        self.failure = None

    def answered(self, seconds, what):
        with self.condition:
            self.slowest = max(self.slowest, (seconds, what))

    def acknowledge(self, writer, begun):
        with self.condition:
            self.acknowledged += 1
            self.answers["acknowledged"] += 1
            self.newest[writer] = begun
            self.condition.notify_all()

    def refuse(self, answer, unexpected=None):
        with self.condition:
            self.answers[answer] += 1
            if unexpected:
                self.unexpected.append(unexpected)
            self.condition.notify_all()

    def fail(self, error):
        with self.condition:
            self.failure = error
            self.condition.notify_all()

    def wait(self, condition, seconds, what):
        """Waits until something is true of this; the bound is for what hangs, and far beyond what anything takes."""
        end = time.monotonic() + seconds
        with self.condition:
            while not condition():
                if self.failure:
                    raise RuntimeError("a writer broke") from self.failure
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{what} did not happen within {seconds} s; answers so far: {dict(self.answers)} {self.unexpected[:5]}")
                self.condition.wait(left)
