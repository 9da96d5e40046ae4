"""The machines of the lab by name. A boot loader's file gives MACHINES: a list of model.Model whose names begin with the loader's."""
from machines import grub, uboot

ALL = {each.name: each for module in (grub, uboot) for each in module.MACHINES}
