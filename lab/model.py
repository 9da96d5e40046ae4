"""What a machine of the lab is, as data. machines/ has a file per boot loader with the machines that it boots."""
import dataclasses
import pathlib
from typing import Callable

from architecture import X86_64, Architecture


@dataclasses.dataclass(frozen=True)
class Partition:
    name: str           # GPT label
    mib: int
    kind: str = "8300"  # as sgdisk has it


@dataclasses.dataclass(frozen=True)
class SlotClass:
    """What each group has one of: partition NAME-a for group A, and so on. image(model, version) makes the bytes that go into it."""
    name: str
    mib: int                                            # 0: it has no partition of its own, but is a file
    image: Callable[["Model", object], pathlib.Path]
    device: str = "/dev/disk/by-partlabel/{partition}"  # in system.toml
    kind: str = "raw"                                   # likewise
    path: str = ""                                      # of a file, with {group}: on the running device
    partition_kind: str = "8300"                        # as sgdisk has it

    def partition(self, group):
        return f"{self.name}-{group.lower()}"

    def settings(self, group):
        """Its lines in system.toml."""
        place = f'path = "{self.path.format(group=group.lower())}"' if self.path else f'device = "{self.device.format(partition=self.partition(group))}"'
        return f'{place}\ntype = "{self.kind}"\n'


@dataclasses.dataclass(frozen=True)
class Mount:
    """A line of the device's /etc/fstab."""
    partition: str  # empty: a file system without a device
    folder: str
    kind: str
    options: str

    def line(self):
        return f"{'/dev/disk/by-partlabel/' + self.partition if self.partition else self.kind} {self.folder} {self.kind} {self.options} 0 0"


@dataclasses.dataclass(frozen=True)
class Loader:
    name: str                                                        # as the names of its machines begin
    says: str                                                        # for people
    boot_section: Callable[["Model"], str]                           # [boot] of system.toml
    prepare: Callable[["Model", pathlib.Path], None]                 # puts what one device has of its own beside its disk: NVRAM, ...
    devices: Callable[[pathlib.Path], list]                          # QEMU's arguments for firmware and disks, of a device's folder
    partitions: tuple = ()                                           # in front of the slots
    # {partition: image}: what the factory puts on them for group A with {slot class: image}, boot state included
    contents: Callable[["Model", dict], dict] = lambda model, images: {}
    flash: Partition | None = None                                   # kept behind the disk in the same file: the firmware's variables
    most_tries: int = 9                                              # so many boots of a trial it can count
    starts_watchdog: bool = False                                    # before the kernel of a trial
    locks_watchdog: bool = False                                     # so that nobody can stop it any more
    mounts: tuple = ()
    first_slot: str = ""                                             # a command on the device that prints the first slot without the agent
    device_files: Callable[["Model"], dict] = lambda model: {}       # {path in the slot: text}
    device_programs: tuple = ()                                      # of the host's, copied to the slot's /usr/bin with their libraries
    modules: tuple = ()                                              # kernel modules besides kernel.MODULES
    initramfs: Callable[[pathlib.Path], dict] = lambda tree: {}      # {path: (mode, bytes)} of what the initramfs has besides; of the kernel's tree


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    loader: Loader
    system: str                                     # the root file system's flavour: rootfs.FLAVOURS
    slots: tuple                                    # of SlotClass
    architecture: Architecture = X86_64
    board: str = "q35,smm=off"                      # QEMU's -M
    memory_mib: int = 512
    state_mib: int = 64
    watchdog_s: int = 30                            # of the agent on trial
    early_watchdog_s: tuple = (15, 40)              # of the initramfs: timeout, and for how long it waits for the agent
    verity: tuple = ()                              # slot classes whose images have a dm-verity tree; its root is in the boot slot's initramfs
    usb: bool = False                               # there is a port, and udev to notice what is plugged into it
    groups: str = "AB"                              # one letter for each group of slots
    recovery: SlotClass | None = None               # the one slot of a recovery system, which is the group with the next letter
    app_data: str = ""                              # the application's folder on the state partition, which a factory reset empties; the agent's is beside it
    quick: tuple = ("good", "panic")                # the stories that ./dev test vm plays; ./dev lab run plays all

    @property
    def says(self):
        return f"{self.architecture.name}, {self.loader.says}"

    @property
    def recovery_group(self):
        return chr(ord(self.groups[-1]) + 1) if self.recovery else ""

    @property
    def all_groups(self):
        return self.groups + self.recovery_group

    def classes(self, group):
        """The slot classes that a group has."""
        return (self.recovery,) if group == self.recovery_group else self.slots

    def has_slot(self, name):
        return any(each.name == name for each in self.slots)

    def partitions(self):
        slots = [Partition(each.partition(group), each.mib, each.partition_kind) for each in self.slots for group in self.groups if each.mib]
        if self.recovery:
            slots.append(Partition(self.recovery.partition(self.recovery_group), self.recovery.mib))
        return [*self.loader.partitions, *slots, Partition("state", self.state_mib)]

    @property
    def state_folder(self):
        """Where on the state partition the agent's state_dir is; empty: it is all of it."""
        return "aloft" if self.app_data else ""

    def boot_slots(self):
        """NAME:NUMBER:LABEL of each group, as uboot-config and grub-config want it: the partition with the kernel, and the root's label."""
        numbers = {partition.name: number for number, partition in enumerate(self.partitions(), start=1)}
        words = []
        for group in self.all_groups:
            names = {each.name: each.partition(group) for each in self.classes(group)}
            root = names.get("rootfs") or names["recovery"]
            words += ["--slot", f"{group}:{numbers[names.get('boot', root)]}:{root}"]
        return words

    def images(self, version):
        """{slot class: image} of a version."""
        return {each.name: each.image(self, version) for each in self.slots}

    def file_place(self, slot_class, group):
        """(partition, path in its file system) of a slot that is a file."""
        path = slot_class.path.format(group=group.lower())
        mount = next(each for each in self.loader.mounts if each.partition and path.startswith(f"{each.folder}/"))
        return mount.partition, path.removeprefix(f"{mount.folder}/")

    def image_types(self):
        """{slot class: type} of the images in a bundle."""
        return {each.name: "file" if each.kind == "file" else "raw" for each in self.slots}

    @property
    def tries(self):
        """Boots of a trial before the boot loader gives it up."""
        return min(TRIES, self.loader.most_tries)

    def kernel_arguments(self):
        return f"console={self.architecture.console} quiet {self.architecture.arguments} panic=1 softlockup_panic=1 watchdog_thresh={LOCKUP_S // 2}"

    def settings(self):
        """system.toml as every version carries it. [server] is the device's own, and comes from the state partition (site.toml)."""
        groups = "".join(f'\n[group.{group}.{each.name}]\n'
                         f'{each.settings(group)}'
                         for group in self.all_groups for each in self.classes(group))
        if self.recovery:
            groups += f'\n[group.{self.recovery_group}]\nrole = "recovery"\n'
        reset = f'[factory_reset]\nfolders = ["{self.app_data}"]\n\n' if self.app_data else ""
        return (f'product = "{PRODUCT}"\nhardware = "{HARDWARE}"\nstate_dir = "/var/lib/aloft"\ntrust_dir = "/etc/aloft/trust"\n\n'
                f'[boot]\ntries = {self.tries}\n{self.loader.boot_section(self)}{groups}\n'
                f'[health]\ndir = "/etc/aloft/health.d"\ndeadline_s = 60\nrequire_server = true\n\n'
                f'[watchdog]\ndevice = "/dev/watchdog"\ntimeout_s = {self.watchdog_s}\nsystemd_timeout_s = 20\n\n{reset}')

    def fstab(self):
        return "\n".join([*(each.line() for each in self.loader.mounts), "tmpfs /tmp tmpfs mode=1777 0 0", "tmpfs /var/tmp tmpfs mode=1777 0 0"]) + "\n"


PRODUCT, HARDWARE, TRIES = "lab-gateway", "rev-a", 3
LOCKUP_S = 60  # a processor that is stuck in the kernel for so long is no busy host any more
