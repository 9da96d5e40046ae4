"""The machines of the lab by name. A boot loader's file gives MACHINES: a list of model.Model whose names begin with the loader's."""
from machines import efibootguard, grub, systemd_boot, uboot, uefi

ALL = {each.name: each for module in (grub, uboot, uefi, systemd_boot, efibootguard) for each in module.MACHINES}
