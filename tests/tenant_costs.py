#!/usr/bin/env python3
"""What tenants cost a server: memory, threads, files, time to start; the numbers of docs/tenants.md. tenant_costs.py [COUNT...]"""
import os
import pathlib
import sys
import time

from server_harness import Server, ready_device
from tenants_harness import DOMAIN, Tenant, command


def costs(server):
    process = pathlib.Path(f"/proc/{server.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return f"{int(status['VmRSS'].split()[0]) / 1024:.1f} MiB resident, {int(status['Threads'])} threads, {len(os.listdir(process / 'fd'))} files"


def processor_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def use(server, name):
    """An administrator, a device that polls, and a look at every list."""
    tenant = Tenant(server, name, {"setup_token": command(server, "link", name).stdout.split("--setup ")[1].strip()}).set_up()
    ready_device(tenant, "cam-01").poll()
    for path in ("devices", "releases", "rollouts", "deployments"):
        tenant.operator("GET", "/api/v1/" + path)


def main():
    server = Server(arguments=["--tenant-domain", DOMAIN]).start().set_up()
    try:
        print("none:", costs(server))
        made = 0
        for count in [int(word) for word in sys.argv[1:]] or (1, 10, 100):
            while made < count:
                made += 1
                command(server, "add", f"t{made}")
            server.stop()
            begin = time.monotonic()
            server.start()
            start = time.monotonic() - begin
            time.sleep(5)
            before = processor_seconds(server)
            time.sleep(10)
            print(f"{count}: {costs(server)}, start {start:.2f} s, at rest {(processor_seconds(server) - before) * 10:.2f}% of a core")
        for number in range(1, made + 1):
            use(server, f"t{number}")
        print(f"{made}, each used: {costs(server)}")
    finally:
        server.destroy()


if __name__ == "__main__":
    main()
