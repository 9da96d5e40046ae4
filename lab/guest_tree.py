"""The small system of guests in which a test plays the boot loader: nand.py, files.py."""
import shutil

import debian
import programs
import rootfs
from architecture import X86_64

# The end of system.toml: what the agent would otherwise learn from the kernel and the system is in files that the test writes.
PLAYED_BOOT = """[agent]
socket = "/tmp/aloftd.sock"
reboot_command = ["/bin/touch", "/tmp/rebooted"]
kernel_command_line = "/tmp/cmdline"
boot_id_file = "/tmp/boot-id"
version_file = "/tmp/version"
machine_id_file = "/etc/machine-id"
"""


def make(tree, tools, places, texts):
    """A root with busybox, the agent, the host's programs `tools`, what the lab's keys sign as trust, empty folders, and {path: text} of files that may run."""
    tree.mkdir()
    agent = programs.program("aloftd")
    rootfs.busybox_tree(tree, agent, X86_64)
    debian.run("strip", "-o", tree / "usr/bin/aloftd", agent)
    for tool in tools:
        shutil.copy(tool, tree / "usr/bin")
        rootfs.copy_libraries(tree, tool, X86_64)
    for place in ("dev", "proc", "sys", "tmp", "modules", "etc/aloft", *places):
        (tree / place).mkdir(parents=True, exist_ok=True)
    shutil.copytree(programs.keys() / "trust", tree / "etc/aloft/trust")
    for name, text in texts.items():
        (tree / name).unlink(missing_ok=True)  # else a link of busybox would be written through
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
