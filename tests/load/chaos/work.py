"""What the calls of this test are: programs that ask the counting upstream, and the answers that they must have.

The upstream computes each answer from the request alone, so that whoever made the request can compute it too.
"""

import dataclasses
import hashlib

SLUG = "counter"

ANSWER = {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}
ANSWERED = {"200": {"description": "Computed.", "content": {"application/json": {"schema": ANSWER}}}}
FIELDS = {"request": "string", "number": "integer", "delay": "integer"}

# The upstream's description: a read and a write that compute the same.
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Counter", "version": "1.0.0", "description": "Counts how often it sees each request, and computes an answer."},
    "servers": [{"url": "/"}],
    "paths": {
        "/value": {
            "get": {
                "operationId": "value.read", "tags": ["value"], "summary": "Computes an answer.", "responses": ANSWERED,
                "parameters": [{"name": name, "in": "query", "required": True, "schema": {"type": kind}} for name, kind in FIELDS.items()],
            },
            "post": {
                "operationId": "value.write", "tags": ["value"], "summary": "Computes an answer, and might change something.",
                "responses": ANSWERED,
                "requestBody": {"required": True, "content": {"application/json": {"schema": {
                    "type": "object", "required": list(FIELDS), "properties": {name: {"type": kind} for name, kind in FIELDS.items()}}}}},
            },
        },
    },
}


def answer(request, number):
    """What the upstream answers."""
    return hashlib.sha256(f"{request} {number}".encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Request:
    """One request to the upstream."""

    id: str
    number: int
    # How long the upstream takes, in milliseconds.
    delay: int
    is_write: bool

    @property
    def call(self):
        fields = f'{{ request: "{self.id}", number: {self.number}, delay: {self.delay} }}'
        return f"value.write({{ body: {fields} }})" if self.is_write else f"value.read({fields})"


def program(requests):
    """A program that makes the requests one after the other and returns their answers, or the first error that Roost has for one, with its
    number."""
    lines = ["const answers: string[] = [];"]
    for index, request in enumerate(requests):
        lines += [
            "{",
            f"  const made: any = await tools.{SLUG}.org.main.{request.call};",
            f"  if (!made.ok) return {{ failed: {{ ...made.error, at: {index} }} }};",
            "  answers.push(made.data.answer);",
            "}",
        ]
    return "\n".join([*lines, "return { answers };"])


def expected(requests):
    return {"answers": [answer(request.id, request.number) for request in requests]}


# What a call that lasts takes at most, in milliseconds. What is measured is what faults cost: less than a lease has to be its own.
LONGEST = 2400


def make_requests(random, name):
    """One to three requests, most of them quick, some calls that last seconds."""
    is_long = random.random() < 0.15
    count = random.choice((1, 1, 2, 3))
    return [
        Request(
            id=f"{name}-{index}", number=random.randrange(1_000_000),
            delay=random.randrange(600, LONGEST) // count if is_long else random.randrange(0, 60), is_write=random.random() < 0.5)
        for index in range(count)
    ]
