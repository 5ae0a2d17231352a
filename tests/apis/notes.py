"""A small real API for tests and for the README: notes behind a bearer token, described by OpenAPI 3.1.

usage: notes.py [--host ADDRESS] [--port PORT] [--token TOKEN]

Prints `listening on http://ADDRESS:PORT` when it is ready; by default the address is 127.0.0.1, and port 0 takes a free one. Beside the
notes it has operations that misbehave on purpose: `GET /big?bytes=N` answers a JSON text of N bytes, `GET /slow?seconds=S` answers late,
`POST /slow?seconds=S` writes a note and answers late, `GET /broken` breaks off in the middle. `GET /counts` says how often each path was
asked for.
"""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NOTE = {"$ref": "#/components/schemas/Note"}


def parameter(name, place, kind):
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": kind}}


def answer(schema, summary="Done."):
    return {"description": summary, "content": {"application/json": {"schema": schema}}}


def operation(operation_id, summary, schema, parameters=(), body=None, status="200"):
    described = {"operationId": operation_id, "tags": ["notes"], "summary": summary, "responses": {status: answer(schema)}}
    if parameters:
        described["parameters"] = list(parameters)
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1.0.0", "description": "Keeps short notes in memory."},
    "servers": [{"url": "/"}],
    "security": [{"token": []}],
    "paths": {
        "/notes": {
            "get": operation("notes.list", "Lists all notes.", {"type": "array", "items": NOTE}, [parameter("contains", "query", "string")]),
            "post": operation("notes.create", "Writes a note.", NOTE, body={"$ref": "#/components/schemas/NewNote"}, status="201"),
        },
        "/notes/{id}": {"get": operation("notes.get", "Shows one note.", NOTE, [parameter("id", "path", "integer")])},
        "/big": {"get": operation("notes.big", "Answers a JSON text of a given size.", {"type": "string"}, [parameter("bytes", "query", "integer")])},
        "/slow": {
            "get": operation("notes.slow", "Answers late.", {"type": "object"}, [parameter("seconds", "query", "number")]),
            "post": operation(
                "notes.createSlowly", "Writes a note and answers late.", NOTE, [parameter("seconds", "query", "number")],
                body={"$ref": "#/components/schemas/NewNote"}, status="201",
            ),
        },
        "/broken": {"get": operation("notes.broken", "Breaks off in the middle of its answer.", {"type": "object"})},
    },
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "NewNote": {
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string", "minLength": 1}, "tags": {"type": "array", "items": {"type": "string"}}},
            },
            "Note": {
                "type": "object",
                "required": ["id", "text", "tags"],
                "properties": {"id": {"type": "integer"}, "text": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
            },
        },
    },
}


class Notes:
    """The notes, and how often each path was asked for."""

    def __init__(self):
        self.lock = threading.Lock()
        self.notes = [{"id": 1, "text": "Buy milk", "tags": ["home"]}, {"id": 2, "text": "Call Ada", "tags": ["work"]}]
        self.counts = {}

    def add(self, text, tags):
        with self.lock:
            note = {"id": len(self.notes) + 1, "text": text, "tags": tags}
            self.notes.append(note)
            return note

    def count(self, method, path):
        with self.lock:
            key = f"{method} {path}"
            self.counts[key] = self.counts.get(key, 0) + 1


def handler(notes, token):
    class Handler(BaseHTTPRequestHandler):
        # One write for head and body: two would wait for each other's acknowledgement (Nagle, delayed ACK), 40 ms a call.
        wbufsize = 1 << 16
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def send(self, status, value, kind="application/json"):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, status, message):
            self.send(status, {"message": message})

        def do_GET(self):
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            notes.count("GET", url.path)
            if url.path == "/openapi.json":
                return self.send(200, DOCUMENT)
            if url.path == "/counts":
                return self.send(200, notes.counts)
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self.refuse(401, "The token is missing or wrong.")
            if url.path == "/notes":
                return self.send(200, [note for note in notes.notes if query.get("contains", "") in note["text"]])
            if url.path.startswith("/notes/"):
                found = [note for note in notes.notes if str(note["id"]) == url.path.removeprefix("/notes/")]
                return self.send(200, found[0]) if found else self.refuse(404, "There is no such note.")
            if url.path == "/big":
                return self.send(200, "x" * (int(query.get("bytes", "10")) - 2))
            if url.path == "/slow":
                time.sleep(min(float(query.get("seconds", "1")), 60))
                return self.send(200, {"late": True})
            if url.path == "/broken":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"half": ')
                self.close_connection = True
                return None
            return self.refuse(404, "There is no such path.")

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            url = urlsplit(self.path)
            notes.count("POST", url.path)
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self.refuse(401, "The token is missing or wrong.")
            if url.path not in ("/notes", "/slow"):
                return self.refuse(404, "There is no such path.")
            new = json.loads(body)
            note = notes.add(new["text"], new.get("tags", []))
            if url.path == "/slow":
                time.sleep(min(float(parse_qs(url.query).get("seconds", ["1"])[-1]), 60))
            return self.send(201, note)

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--token", default="notes-token")
    options = parser.parse_args()
    server = ThreadingHTTPServer((options.host, options.port), handler(Notes(), options.token))
    print(f"listening on http://{options.host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
