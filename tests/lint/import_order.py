"""Proves that Package.swift keeps to the layers of docs/ARCHITECTURE.md, and says what the sources really import.

usage: import_order.py DESCRIBE.json ORDER.txt

A module of shared/ may depend only on modules named earlier in ORDER.txt. `SessionAPI` may depend on modules up to `MCP`. `Gateway`,
`Sessions` and `roost` may depend on anything in shared/ but `Engine` and `Sandbox`, which only `ExecutionStack` and `Installation` may name, and
never on each other. Nothing that ships depends on `TestSupport`. What a target imports, it declares; what it declares, it imports (an
executable that a test runs is declared without being imported).
"""

import json
import pathlib
import re
import sys

SERVICES = {"Gateway", "Sessions", "roost", "api-gateway", "session-service"}
ENGINE_ROOM = {"Engine", "Sandbox"}
IMPORT = re.compile(r"^(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:struct\s+|class\s+|enum\s+|func\s+)?(\w+)", re.M)


def read_order(path):
    lines = (line.split("#")[0].strip() for line in open(path, encoding="utf-8"))
    return [line for line in lines if line]


def faults_of(target, order):
    name, needs = target["name"], target.get("target_dependencies", [])
    rank = {module: place for place, module in enumerate(order)}
    is_test = target["type"] == "test" or target["path"].startswith("tests/")
    for need in needs:
        if is_test:
            continue
        if need == "TestSupport":
            yield f"{name} ships and depends on TestSupport"
        elif need in ENGINE_ROOM and name not in {"Engine", "ExecutionStack", "Installation"}:
            yield f"{name} depends on {need}, which only ExecutionStack may"
        elif name in rank and rank.get(need, len(order)) >= rank[name]:
            yield f"{name} depends on {need}, which does not stand before it in the order"
        elif name == "SessionAPI" and rank.get(need, len(order)) > rank["MCP"]:
            yield f"SessionAPI depends on {need}, which stands after MCP"
        elif name in {"Gateway", "Sessions", "roost"} and need in SERVICES:
            yield f"{name} depends on {need}; services never depend on each other"
    if target["path"].startswith("shared/") and name not in rank and name != "sandbox-worker":
        yield f"{name} is missing from the order"


def import_faults(target, targets, products):
    """What a target imports without declaring it, and what it declares without importing it."""
    declared = set(target.get("target_dependencies", [])) | set(target.get("product_dependencies", []))
    imported = set()
    for source in target["sources"]:
        if source.endswith(".swift"):
            imported |= set(IMPORT.findall((pathlib.Path(target["path"]) / source).read_text(encoding="utf-8")))
    if not imported:
        return
    known = {name for name in targets} | products
    for module in sorted(imported & known - declared - {target["name"]}):
        yield f"{target['name']} imports {module} without declaring it"
    # A product may bring further modules of its package.
    if "CYaml" in imported:
        imported.add("Yams")
    executables = {name for name, other in targets.items() if other["type"] == "executable"}
    for module in sorted(declared - imported - executables):
        yield f"{target['name']} declares {module} without importing it"


def main(describe, order_path):
    package = json.load(open(describe, encoding="utf-8"))
    order = read_order(order_path)
    targets = {target["name"]: target for target in package["targets"]}
    products = {product for target in targets.values() for product in target.get("product_dependencies", [])}
    faults = [fault for target in targets.values() for fault in faults_of(target, order)]
    faults += [f"{module} stands in the order but not in Package.swift" for module in order if module not in targets]
    faults += [fault for target in targets.values() for fault in import_faults(target, targets, products)]
    for fault in faults:
        print(f"import order: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
