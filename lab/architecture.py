"""The processor families that machines of the lab have, and what differs between them."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Architecture:
    name: str
    debian: str      # Debian's word for it
    emulator: str
    processor: str   # QEMU's -cpu
    console: str     # the kernel's name of the first serial port
    shell: str       # of the one with the root shell
    folder: str      # where Debian has the libraries


X86_64 = Architecture(name="x86-64", debian="amd64", emulator="qemu-system-x86_64", processor="qemu64,+rdrand", console="ttyS0", shell="ttyS1",
                      folder="x86_64-linux-gnu")
