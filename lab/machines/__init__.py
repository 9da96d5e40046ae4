"""The machines of the lab by name. A boot loader's file gives MACHINES: a list of model.Model whose names begin with the loader's."""
from machines import grub, uboot, uefi

ALL = {each.name: each for module in (grub, uboot, uefi) for each in module.MACHINES}
