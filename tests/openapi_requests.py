"""Requests made from docs/openapi.yaml: a good one for each operation, and ways to spoil it. Seeded: the same seed spoils the same way."""
import json

import yaml

DEEP = 3000
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float)}
ODD_SEGMENTS = ("0", "-1", "2147483647", "2147483648", "18446744073709551616", "1e3", "1.0", "%00", "%2e%2e", "..%2f..", "%ff%fe", "%", "%zz", "a" * 300, "a" * 3000,
                "'%20OR%201=1--", "%F0%9F%92%A9", "*", "null", "%0d%0aX:%201", ".", "a%20b", "nobody", "77", "%E2%80%AE", "~")
ODD_VALUES = (None, True, False, 0, -1, 1, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, -2**63 - 1, 10**40, "", "x", "\u0000", "\ud800", "\U0001f4a9", "../../etc/passwd", "a" * 5000,
              "'; DROP TABLE devices;--", [], {}, [[]], [None], {"": None}, ["x"] * 1200, "%s%n", "=" * 3000, "(" * 2000, "name==*" + ",name==*" * 500)
ODD_BODIES = (b"", b"{", b"null", b"[]", b"\"x\"", b"0", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"{} {}", b"{\"a\":1,\"a\":2}", b"{\"a\":1e999}", b"[" * DEEP + b"]" * DEEP,
              b"{\"a\":" * DEEP + b"1" + b"}" * DEEP, b"{\"a\":\"\\ud800\"}", b"\x00" * 100, b" " * 60000, b"{\"a\":" + b"9" * 50000 + b"}", b"{\"name\":\"\xff\xfe\"}")


class Operation:
    def __init__(self, path, method, item, body):
        self.path, self.method, self.item, self.body = path, method, item, body

    def __str__(self):
        return f"{self.method} {self.path}"


class Spec:
    def __init__(self, file):
        self.tree = yaml.safe_load(file.read_text())

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def operations(self):
        for path, item in self.tree["paths"].items():
            for method, operation in item.items():
                if method == "parameters":
                    continue
                parameters = [self.resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                content = self.resolve(operation.get("requestBody", {})).get("content", {})
                kind = next(iter(content), None)
                body = (kind, self.resolve(content[kind].get("schema", {}))) if kind else None
                yield Operation(path, method.upper(), {**operation, "parameters": parameters}, body)

    def example(self, schema, known, chance, name=""):
        """A value that the schema takes, with those of the members that may be left out which chance picks; all of them without one.
        known: values by the name of a member, where just any will not do."""
        schema = self.resolve(schema)
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if name in known and isinstance(known[name], TYPES.get(kind, object)):
            return known[name]
        if "allOf" in schema:
            return {k: v for part in schema["allOf"] for k, v in self.example(part, known, chance).items()}
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            picked = [key for key in schema.get("properties", {}) if key in schema.get("required", []) or chance is None or chance.random() < 0.4]
            return {key: self.example(schema["properties"][key], known, chance, key) for key in picked}
        if kind == "array":
            return [self.example(schema.get("items", {}), known, chance)]
        if kind in ("integer", "number"):
            return max(schema.get("minimum", 1), 1) if schema.get("maximum", 1) >= 1 else 0
        return True if kind == "boolean" else "x" * max(schema.get("minLength", 1), 1)


def places(value, path=()):
    """Every place in a JSON value, the whole of it first."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from places(one, path + (index,))


def with_place(value, path, change):
    """A copy in which change(old) stands at the place; without the member when that is REMOVED."""
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    new = with_place(copy[path[0]], path[1:], change)
    if new is REMOVED:
        del copy[path[0]]
    else:
        copy[path[0]] = new
    return copy


REMOVED = object()


def spoil_json(chance, value):
    """Bytes of the value with something wrong, or odd, in one place."""
    way = chance.choice(("odd", "odd", "odd", "unknown", "missing", "raw", "truncated", "flipped", "deep"))
    path = chance.choice(list(places(value)))
    if way == "raw":
        return way, chance.choice(ODD_BODIES)
    if way == "odd":
        value = with_place(value, path, lambda _: chance.choice(ODD_VALUES))
    if way == "deep":
        value = with_place(value, path, lambda _: nested(chance.choice((20, 60, 65, 200))))
    if way == "missing" and path:
        value = with_place(value, path, lambda _: REMOVED)
    if way == "unknown":
        value = {**value, "unheard-of": chance.choice(ODD_VALUES)} if isinstance(value, dict) else value
    data = json.dumps(value).encode()
    if way == "truncated" and data:
        data = data[:chance.randrange(len(data))]
    if way == "flipped" and data:
        at = chance.randrange(len(data))
        data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1:]
    return way, data


def nested(depth):
    value = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value
