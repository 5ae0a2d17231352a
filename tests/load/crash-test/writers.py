"""Clients that go on writing whatever happens, each with things of one kind in one organization, and read back what they wrote."""

import hashlib
import http.client
import json
import random
import threading
import time

from ledger import Ledger
from support.processes import PATIENCE

# How many things of a kind a writer keeps; it removes older ones, which must stay removed.
KEPT = 40


class Client:
    """One connection to the gateway, opened again when it broke."""

    def __init__(self, port, key):
        self.port, self.key = port, key
        self.connection = None

    def call(self, method, path, body=None, headers=()):
        """Status, headers and body of the answer; OSError or HTTPException where none came."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        fields = {"Authorization": f"Bearer {self.key}", "Accept": "application/json, text/event-stream", **dict(headers)}
        if body is not None:
            fields["Content-Type"] = "application/json"
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), fields)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def list(self, path):
        """All pages of a list. Between two kills nothing is in the way of it for long."""
        items, cursor = [], None
        end = time.monotonic() + PATIENCE
        while True:
            query = "?limit=200" + (f"&cursor={cursor}" if cursor else "")
            status, body = None, b""
            try:
                status, _, body = self.call("GET", f"/api/v1{path}{query}")
            except (OSError, http.client.HTTPException):
                pass
            if status == 200:
                page = json.loads(body)
                items += page["items"]
                cursor = page.get("next_cursor")
                if not cursor:
                    return items
            elif status not in (None, 503) or time.monotonic() > end:
                raise RuntimeError(f"GET {path}: {status} {body[:500]!r}")
            else:
                time.sleep(0.05)


class Writer:
    """Writes in a thread of its own until it is told to stop. Subclasses say what."""

    kind = ""

    def __init__(self, organization, port, key, progress):
        self.name = f"{self.kind} of {organization}"
        self.prefix = f"{self.kind}_{organization}_"
        self.progress = progress
        self.ledger = Ledger(self.name)
        self.client = Client(port, key)
        # For reading back, in the checker's thread.
        self.reader = Client(port, key)
        self.random = random.Random(self.name)
        self.stopping = threading.Event()
        self.writing = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self):
        self.thread.start()

    def pause(self):
        """Waits for the write under way and begins no more until it may go on."""
        if not self.writing.acquire(timeout=2 * PATIENCE):
            raise TimeoutError(f"{self.name} does not pause")

    def go_on(self):
        self.writing.release()

    def stop(self):
        self.stopping.set()
        self.thread.join(2 * PATIENCE)
        if self.thread.is_alive():
            raise TimeoutError(f"{self.name} does not stop")

    def _run(self):
        try:
            number = 0
            while not self.stopping.is_set():
                number += 1
                with self.writing:
                    begun = time.monotonic()
                    is_acknowledged = self._step(f"{self.prefix}{number:07}")
                    if is_acknowledged:
                        self.progress.acknowledge(self.name, begun)
                # A client that is refused does not ask again at once; one that writes lets go long enough for somebody who waits.
                self.stopping.wait(0.0005 if is_acknowledged else 0.05)
        except BaseException as error:
            self.progress.fail(error)

    def ask(self, accepted, method, path, body=None, headers=()):
        """Headers and body of an answer that acknowledges; None for another, or none."""
        begun = time.monotonic()
        try:
            status, fields, answer = self.client.call(method, path, body, headers)
            self.progress.answered(time.monotonic() - begun, f"{status} to {method} {path} of {self.name}")
        except TimeoutError:
            self.progress.refuse("none in time", f"{self.name}: {method} {path} had no answer within {PATIENCE} s")
            return None
        except (OSError, http.client.HTTPException):
            self.progress.refuse("connection lost")
            return None
        if status in accepted:
            return fields, answer
        text = answer[:300].decode(errors="replace")
        # What is away for a while says so, or that nobody knows what became of the write, and nothing else.
        is_unknown = status == 500 and "urn:roost:problem:outcome-unknown" in text
        is_known = is_unknown or status == 503 and fields["Retry-After"]
        fault = None if is_known else f"{self.name}: {method} {path} was answered {status} {text}"
        self.progress.refuse("outcome unknown" if is_unknown else str(status), fault)
        return None

    def _step(self, mark):
        """Creates one thing, or removes one; whether that was acknowledged."""
        there = self.ledger.there()
        if len(there) > KEPT or there and self.random.random() < 0.2:
            mark, id = there[0]
            self.ledger.leaving(mark)
            if self.ask({200, 204}, "DELETE", f"/api/v1{self.path}/{id}") is None:
                return False
            self.ledger.gone(mark)
            return True
        self.ledger.ask(mark)
        answer = self.ask({201}, "POST", f"/api/v1{self.target}", self.body(mark))
        if answer is None:
            return False
        self.ledger.created(mark, self.created_id(json.loads(answer[1])))
        return True

    def check(self):
        before = self.ledger.snapshot()
        items = [item for item in self.reader.list(self.path) if self.is_there(item)]
        pairs = [(self.mark(item), item["id"]) for item in items]
        return self.ledger.compare(before, [(mark, id) for mark, id in pairs if mark.startswith(self.prefix)])

    def forget(self):
        """Has the next check look at everything again."""

    # What subclasses change.

    path = target = ""

    def created_id(self, answer):
        return answer["id"]

    def is_there(self, item):
        return True


class PolicyWriter(Writer):
    """Policies: one row, and the organization's revision."""

    kind = "policy"
    path = target = "/policies"

    def body(self, mark):
        return {"pattern": f"{mark}.*", "action": "block"}

    def mark(self, item):
        return item["pattern"].removesuffix(".*")


class KeyWriter(Writer):
    """API keys: an account and its key, in one transaction. A revoked one stays in the list and says so."""

    kind = "key"
    path = target = "/keys"

    def body(self, mark):
        return {"name": mark, "role": "agent"}

    def created_id(self, answer):
        return answer["record"]["id"]

    def mark(self, item):
        return item["name"]

    def is_there(self, item):
        return item["revoked_at"] is None


class ConnectionWriter(Writer):
    """Connections: a row and its sealed secret, in one transaction."""

    kind = "connection"
    path = "/connections"
    target = "/integrations/notes/connections"

    def body(self, mark):
        return {"name": mark, "method": "token", "values": {"token": mark}}

    def mark(self, item):
        return item["name"]


class ExecutionWriter(Writer):
    """Programs over MCP, in a session that has to outlive every kill: a row when each begins, and its outcome when it ends."""

    kind = "execution"
    path = "/executions"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.session = None
        self.marks = {}
        self.shown = set()

    def _step(self, mark):
        if self.session is None:
            return self._open()
        code = f"return '{mark}'"
        self.marks[hashlib.sha256(code.encode()).hexdigest()] = mark
        self.ledger.ask(mark)
        message = {"name": "execute", "arguments": {"code": code}}
        answer = self._message("tools/call", message, [("Mcp-Session-Id", self.session)])
        if answer is None:
            return False
        result = answer[1].get("result", {}).get("structuredContent", {})
        if result.get("result") != mark:
            return self._refused(answer[1])
        self.ledger.created(mark, result["executionId"])
        return True

    def _open(self):
        message = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "crash-test", "version": "1"}}
        answer = self._message("initialize", message)
        if answer is None:
            return False
        if "result" not in answer[1]:
            return self._refused(answer[1])
        self.session = answer[0]["Mcp-Session-Id"]
        return True

    def _message(self, method, parameters, headers=()):
        answer = self.ask({200}, "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}, headers)
        if answer is None:
            return None
        fields, text = answer
        if fields["Content-Type"].startswith("text/event-stream"):
            data = [line.removeprefix(b"data: ") for line in text.splitlines() if line.startswith(b"data: {")]
            text = data[-1] if data else b"{}"
        return fields, json.loads(text)

    def _refused(self, message):
        """An answer that says why there is no result; what it says has to be one of what kills may cause."""
        error = message.get("error", {}).get("data") or message.get("result", {}).get("structuredContent", {}).get("error") or {}
        code = error.get("code", "no result")
        is_known = code in ("execution_interrupted", "unavailable", "end_not_recorded")
        self.progress.refuse(code, None if is_known else f"{self.name}: {json.dumps(message)[:300]}")
        return False

    def is_there(self, item):
        # One that was acknowledged has completed; any other may have begun and ended as it could.
        known = self.ledger.snapshot().get(self.marks.get(item["code_hash"]))
        return item["state"] == "completed" or known is None or not known.id

    def mark(self, item):
        return self.marks.get(item["code_hash"], f"{self.prefix}{item['code_hash']}")

    def check(self):
        findings = super().check()
        for mark, id in self.ledger.there():
            if id in self.shown:
                continue
            status, _, body = self.reader.call("GET", f"/api/v1/executions/{id}")
            outcome = json.loads(body).get("outcome") or {}
            if status != 200 or outcome.get("structuredContent", {}).get("result") != mark:
                findings.missing.append(f"the outcome of {self.name} {mark} ({id}): {status} {body[:200]!r}")
            self.shown.add(id)
        return findings

    def forget(self):
        self.shown.clear()

    def running(self):
        """Executions that have not ended."""
        return [item["id"] for item in self.reader.list(self.path) if item["state"] in ("running", "waiting")]


KINDS = (PolicyWriter, KeyWriter, ConnectionWriter, ExecutionWriter)
