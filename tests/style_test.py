#!/usr/bin/env python3
"""Holds the rules of the code that no compiler holds: layers, names, sizes, error numbers. Run by ./dev lint and by the unit tests.

style_test.py              checks the tree it stands in
style_test.py --self-test  checks that each rule can fail
"""
import pathlib
import re
import subprocess
import sys

# A layer may include itself and what stands behind its colon (and what those may include).
LAYERS = {
    "base": [],
    "crypto": ["base"],
    "delta": ["crypto"],
    "protocol": ["base"],
    "bundle": ["crypto"],
    "net": ["crypto", "protocol", "bundle"],
    "patch": ["bundle", "delta"],
    "rebuild": ["bundle", "delta"],
    "storage": ["bundle"],
    "boot": ["base"],
    "update": ["bundle"],
    "agent": ["update", "delta", "storage", "boot", "net", "ddi"],
    "httpd": ["crypto"],
    "ddi": ["protocol"],
    "foreign": ["crypto"],
    "fleet": ["bundle", "delta", "protocol", "foreign"],
    "oidc": ["fleet", "net"],
    "server": ["fleet", "httpd", "crypto", "ddi", "net", "oidc", "patch"],
    "cli": ["bundle", "patch", "net", "protocol"],
}
# What must not stand in the code, what to write instead, and the files that are the replacement's own home.
BANNED = [
    (r"\bstd::rand\b|\brand\(\)|std::random_device", "base/random.hpp, passed in", ()),
    (r"system_clock::now|\btime\(nullptr\)|\bgettimeofday\b", "base/clock.hpp, passed in", ("src/base/clock.cpp",)),
    (r"\b(strcpy|strcat|sprintf|gets|strtok)\(", "std::string", ()),
    (r"\bstd::(cout|cerr)\b", "base/log.hpp, or the printing functions of cli/", ("src/cli/", "src/agent/", "src/server/main.cpp", "src/server/tenant_command.cpp", "src/rebuild/main.cpp")),
    (r"::rename\(", "replace_file of base/file.hpp", ("src/base/file.cpp", "src/fleet/", "src/agent/", "src/server/tenant_folder.cpp")),
    (r"^\s*throw\b", "Result<T> and fail()", ()),
    (r"\b(class|struct) \w*(Manager|Helper|Utils?)\b", "a noun of the field (docs/glossary.md)", ()),
    (r"#include <boost/|#include \"boost/", "the agent's layers have no Boost", ("src/httpd/", "src/server/")),
    (r"using namespace std\b", "std::", ()),
]
# Marks of unfinished work, wherever they stand: the finished thing, or an issue.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_ARCHITECTURE_LINES = 150


def allowed(layer):
    """Every layer that `layer` may include, itself among them."""
    seen, todo = set(), [layer]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += LAYERS.get(one, [])
    return seen


def check_layers(files):
    for path, text in files.items():
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            continue
        layer = parts[1]
        if layer not in LAYERS:
            yield f"{path}: src/{layer} is no layer; add it to LAYERS in tests/style_test.py and docs/architecture.md"
            continue
        may = allowed(layer)
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r'#include "([a-z_]+)/', line)
            if match and match[1] in LAYERS and match[1] not in may:
                yield f"{path}:{number}: {layer} must not include {match[1]}; includes point down: move what both need to a layer below"


def check_banned(files):
    for path, text in files.items():
        if not path.startswith("src/"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if MARKS.search(line):
                yield f"{path}:{number}: a mark of unfinished work: finish it, or file an issue"
            code = line.split("//")[0]
            for pattern, instead, home in BANNED:
                if re.search(pattern, code) and not path.startswith(home or ("/",)):
                    yield f"{path}:{number}: {re.search(pattern, code)[0].strip()!r} is not used here; instead: {instead}"


def check_returns_from_braces(files):
    """g++ 12 destroys nothing of a braced initializer that TRY returns from, so the texts that it has made leak."""
    for path, text in files.items():
        for match in re.finditer(r"\{\s*\.[^;{]*TRY\([^;{]*text\([^;{]*,\s*\.\w+ = [^;{,]*TRY\(", text):
            yield f"{path}:{text.count(chr(10), 0, match.end()) + 1}: TRY behind a text in a braced initializer, which leaks: assign to the members"


def check_sizes(files):
    for path, text in files.items():
        lines = text.splitlines()
        if len(lines) > MAX_FILE_LINES:
            yield f"{path}: {len(lines)} lines; over {MAX_FILE_LINES} a file holds more than one idea: split it"
        start = None
        for number, line in enumerate(lines, 1):
            # Google style leaves namespaces unindented: a function begins in column 0, ends with a brace there.
            if start is None and re.match(r"[A-Za-z].*\).*\{$|[A-Za-z~].*\) (const |noexcept |override )*\{$", line) and not line.startswith(("namespace", "struct", "class", "enum", "extern")):
                start = number
            elif start is not None and line.startswith("}"):
                if number - start > MAX_FUNCTION_LINES:
                    yield f"{path}:{start}: a function of {number - start} lines; over {MAX_FUNCTION_LINES} it does more than one thing: split it"
                start = None


def check_dead_headers(files):
    included = set()
    for path, text in files.items():
        for name in re.findall(r'#include "([^"]+)"', text):
            included.add(name)
    for path in files:
        if path.startswith("src/") and path.endswith(".hpp") and path[4:] not in included:
            yield f"{path}: nobody includes it; delete it"


def check_pragma_once(files):
    for path, text in files.items():
        if path.endswith(".hpp") and "#pragma once" not in text:
            yield f"{path}: a header without #pragma once"


def check_error_codes(files):
    codes = {}
    for path, text in files.items():
        if not path.endswith("errors.hpp"):
            continue
        for number, kind, name in re.findall(r'ErrorCode k\w+\{\s*(\d+),\s*ErrorKind::(\w+),\s*"([^"]+)"\s*\}', text):
            if number in codes:
                yield f"{path}: the number {number} belongs to {codes[number][1]} already; numbers are never reused"
            codes[number] = (kind, name)
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
                yield f"{path}: {name!r} must be kebab-case"
    page = files.get("docs/error-codes.md", "")
    listed = {row[0]: (row[2], row[1]) for row in re.findall(r"^\| (\d+) \| ([a-z0-9-]+) \| (\w+) \|", page, re.M)}
    for number, code in sorted(codes.items()):
        if number not in listed:
            yield f"docs/error-codes.md: no row for {number} {code[1]}"
        elif listed[number] != code:
            yield f"docs/error-codes.md: {number} is listed as {listed[number][1]} ({listed[number][0]}), the code says {code[1]} ({code[0]})"
    for number in sorted(set(listed) - set(codes)):
        if "(retired)" not in re.search(rf"^\| {number} \|.*$", page, re.M)[0]:
            yield f"docs/error-codes.md: {number} stands in no errors.hpp; mark the row (retired) if it once did"


def check_docs(files):
    architecture = files.get("docs/architecture.md")
    if architecture is not None and len(architecture.splitlines()) > MAX_ARCHITECTURE_LINES:
        yield f"docs/architecture.md: over {MAX_ARCHITECTURE_LINES} lines nobody reads it; move detail to its own page"
    for path, text in files.items():
        if not path.endswith(".md"):
            continue
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" in link or link.startswith("mailto:"):
                continue
            target = str(pathlib.PurePosixPath(path).parent / link)
            normal = []
            for part in target.split("/"):
                if part == ".." and normal:
                    normal.pop()
                elif part not in (".", ""):
                    normal.append(part)
            name = "/".join(normal)
            if name not in files and not any(other.startswith(name + "/") for other in files):
                yield f"{path}: the link to {link} leads nowhere"


def check_findings(files):
    """Every finding of aloftd doctor stands in docs/doctor.md, and the other way round."""
    page = files.get("docs/doctor.md")
    if page is None:
        return
    listed = {name: set(verdicts.split(", ")) for name, verdicts in re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \|", page, re.M)}
    said = {}
    for path, text in files.items():
        if re.match(r"src/agent/doctor\w*\.cpp$", path) and not path.endswith("_test.cpp"):
            for call in re.finditer(r"out\.(good|unknown|warn|bad)\(([^;]*?),", text):
                verdict = {"good": "ok", "warn": "warning"}.get(call[1], call[1])
                for name in re.findall(r'"([a-z0-9-]+)"', call[2]):
                    said.setdefault(name, set()).add(verdict)
    for name in sorted(set(said) - set(listed)):
        yield f"docs/doctor.md: no row for {name}"
    for name in sorted(set(listed) - set(said)):
        yield f"docs/doctor.md: nothing says {name}"
    for name in sorted(set(said) & set(listed)):
        if said[name] != listed[name]:
            yield f"docs/doctor.md: {name} may be {', '.join(sorted(said[name]))}, the page says {', '.join(sorted(listed[name]))}"


def check_agent_unit(files):
    """What aloftd starts finds the system as it is, and it unpacks trees by openat2(2) and with setuid bits itself, which filters refuse."""
    confines = re.compile(r"(Restrict|Protect|Private|SystemCall|LockPersonality|MemoryDeny|NoNewPrivileges|Device|CapabilityBoundingSet|ReadOnlyPaths|InaccessiblePaths)\w*=")
    for path, text in files.items():
        if re.search(r"(^|/)aloftd\.service(\.d/.*\.conf)?$", path):
            for number, line in enumerate(text.splitlines(), 1):
                if confines.match(line):
                    yield f"{path}:{number}: {line} would hold for trees that are unpacked, handlers, modules and health checks, too: leave it out"


CHECKS = [check_layers, check_banned, check_returns_from_braces, check_sizes, check_dead_headers, check_pragma_once, check_error_codes, check_docs, check_findings, check_agent_unit]


def read_tree(root):
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True).stdout.split("\n")
    files = {}
    for name in names:
        path = root / name
        if name and path.is_file():
            try:
                files[name] = path.read_text()
            except UnicodeDecodeError:
                files[name] = ""
    return files


def problems_of(files):
    code = {name: text for name, text in files.items() if name.endswith((".cpp", ".hpp"))}
    found = []
    for check in CHECKS:
        found += check(files if check in (check_error_codes, check_docs, check_findings, check_agent_unit) else code)
    return found


def self_test():
    """Each rule must object to a tree that breaks it, and to nothing in a clean one."""
    header = "#pragma once\n"
    clean = {"src/base/a.hpp": header, "src/base/a.cpp": '#include "base/a.hpp"\nint f() {\n  return 1;\n}\n'}
    broken = {
        "upward include": {"src/base/b.cpp": '#include "agent/x.hpp"\n'},
        "unknown layer": {"src/other/b.cpp": "\n"},
        "banned word": {"src/base/b.cpp": "int x = std::rand();\n"},
        "mark in a comment": {"src/base/b.cpp": "int x;  // X" "XX later\n"},
        "return from braces": {"src/base/b.cpp": 'S s{.a = TRY(o.text("a", 9)),\n    .b = TRY(o.number("b"))};\n'},
        "class name": {"src/base/b.cpp": "class SlotManager {};\n"},
        "boost in the agent": {"src/agent/b.cpp": "#include <boost/asio.hpp>\n"},
        "long function": {"src/base/b.cpp": "void f() {\n" + "  g();\n" * 80 + "}\n"},
        "long file": {"src/base/b.cpp": "\n" * 600},
        "dead header": {"src/base/b.hpp": header},
        "no pragma": {"src/base/b.hpp": "", "src/base/b.cpp": '#include "base/b.hpp"\n'},
        "unlisted error": {"src/base/errors.hpp": header + 'inline constexpr ErrorCode kA{1, ErrorKind::retry, "a"};\n', "src/base/b.cpp": '#include "base/errors.hpp"\n'},
        "unlisted finding": {"docs/doctor.md": "| `a-b` | bad | x |\n", "src/agent/doctor_x.cpp": 'void f() {\n  out.bad("a-b", x);\n  out.bad("c-d", x);\n}\n'},
        "confined agent": {"integration/systemd/aloftd.service": "[Service]\nRestrictSUIDSGID=yes\n"},
        "dead link": {"docs/a.md": "[x](nowhere.md)"},
    }
    if problems_of(clean):
        raise SystemExit(f"self-test: a clean tree is objected to: {problems_of(clean)}")
    for name, extra in broken.items():
        if not problems_of({**clean, **extra}):
            raise SystemExit(f"self-test: nothing objects to: {name}")
    print(f"self-test: {len(broken)} rules can fail")


def main():
    if "--self-test" in sys.argv:
        return self_test()
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = problems_of(read_tree(root))
    for problem in problems:
        print(problem)
    if problems:
        raise SystemExit(f"style: {len(problems)} problems")
    print("style: layers, names, sizes, error numbers and links are as they should be")


if __name__ == "__main__":
    main()
