#!/usr/bin/env python3
"""docs/openapi.yaml and the server's routes name the same things, both ways; and what the page refers to is there."""
import os
import pathlib
import subprocess
import tempfile

import yaml

spec = yaml.safe_load((pathlib.Path(os.environ["ALOFT_SOURCE"]) / "docs/openapi.yaml").read_text())
described = {f"{method.upper()} {path}" for path, item in spec["paths"].items() for method in item if method != "parameters"}
program = pathlib.Path(os.environ["ALOFT_BUILD"]) / "src/server/aloft-server"
with tempfile.TemporaryDirectory() as folder:
    printed = subprocess.run([program, "--data", folder + "/data", "--list-routes"], check=True, capture_output=True, text=True).stdout
served = set(printed.split("\n")) - {""}

problems = [f"described, but not served: {route}" for route in sorted(described - served)]
problems += [f"served, but not described: {route}" for route in sorted(served - described)]


def resolve(reference):
    node = spec
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def walk(node, where):
    if isinstance(node, dict):
        if "$ref" in node and resolve(node["$ref"]) is None:
            problems.append(f"{where}: {node['$ref']} leads nowhere")
        for key, value in node.items():
            walk(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            walk(value, f"{where}/{index}")


walk(spec, "")
operations = [(path, method, operation) for path, item in spec["paths"].items() for method, operation in item.items() if method != "parameters"]
names = [operation["operationId"] for _, _, operation in operations]
problems += [f"operationId {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1})]
for path, item in spec["paths"].items():
    given = {resolve(p["$ref"])["name"] if "$ref" in p else p["name"] for p in item.get("parameters", [])}
    for part in path.split("/"):
        if part.startswith("{") and part[1:-1] not in given:
            problems.append(f"{path}: the parameter {part} is not described")
assert len(served) > 30 and operations
print("\n".join(problems) or f"ok: {len(served)} routes")
raise SystemExit(1 if problems else 0)
