"""The processor families that machines of the lab have, and what differs between them."""
import dataclasses
import platform


@dataclasses.dataclass(frozen=True)
class Architecture:
    name: str
    debian: str      # Debian's word for it
    triplet: str     # of its compiler, and of Debian's folder for libraries
    emulator: str
    processor: str   # QEMU's -cpu
    console: str     # the kernel's name of the first serial port
    shell: str       # of the port with the root shell
    arguments: str                                    # of the kernel: what emulation makes slow, or unreliable on a busy host
    shell_port: tuple = ("-serial", "chardev:shell")  # QEMU's arguments for that port
    modules: tuple = ()                               # kernel modules that only its machines need

    @property
    def native(self):
        """Whether programs of the build host run on it."""
        return self.triplet.startswith(f"{platform.machine()}-")


X86_64 = Architecture(name="x86-64", debian="amd64", triplet="x86_64-linux-gnu", emulator="qemu-system-x86_64", processor="qemu64,+rdrand",
                      console="ttyS0", shell="ttyS1", arguments="mitigations=off no_timer_check")
ARM64 = Architecture(name="arm64", debian="arm64", triplet="aarch64-linux-gnu", emulator="qemu-system-aarch64", processor="cortex-a53",
                     console="ttyAMA0", shell="hvc0", arguments="mitigations=off", shell_port=("-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell"),
                     modules=("virtio_console",))
