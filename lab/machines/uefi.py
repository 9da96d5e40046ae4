"""UEFI firmware (OVMF) alone: its boot manager starts the kernel of a slot, by an entry that names the file in the slot's own FAT partition. The boot
state is the firmware's variables in flash, BootOrder and BootNext."""
import efi
import rootfs
from model import Loader, Model, SlotClass

FILE = "/linux.efi"
# The arguments in the entry that BootOrder names first; the third word of the variable, behind its attributes.
FIRST_SLOT = (r"cd /sys/firmware/efi/efivars; set -- $(od -An -tx2 BootOrder-*); "
              r"cat Boot$(echo $3 | tr a-f A-F)-* | tr -d '\0' | sed -n 's/.*aloft\.slot=\([A-Z]\).*/\1/p'")


def boot_section(model):
    def table(name, value):
        return f"[boot.{name}]\n" + "".join(f"{group} = '{value(group)}'\n" for group in model.groups)

    return ('loader = "uefi"\n' + table("partitions", lambda group: f"/dev/disk/by-partlabel/boot-{group.lower()}") + table("files", lambda _: FILE)
            + table("arguments", lambda group: efi.arguments(model, group)))


def contents(model, _):
    """Variables that know only what the factory has filled: slot A. The entry of B is made by the agent when B is first armed."""
    entry = efi.load_option(model.partitions(), "boot-a", FILE, "aloft A", efi.arguments(model, "A"))
    return {efi.FLASH.name: efi.variables([entry])}


UEFI = Loader(name="uefi", says="OVMF, its own boot manager", boot_section=boot_section, prepare=lambda *_: None, devices=efi.devices, contents=contents,
              flash=efi.FLASH, most_tries=1, mounts=(efi.VARIABLES_MOUNT,),
              first_slot=FIRST_SLOT)

MACHINES = [Model(name="uefi-busybox", loader=UEFI, system="busybox", board=efi.BOARD,
                  slots=(SlotClass("boot", 32, efi.boot_image, partition_kind="ef00"), SlotClass("rootfs", 128, rootfs.slot_image)),
                  quick=("good", "panic", "hang-kernel"))]
