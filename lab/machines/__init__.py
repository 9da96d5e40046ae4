"""The machines of the lab by name. A boot loader's file gives MACHINES: a list of model.Model whose names begin with the loader's."""
from machines import grub

ALL = {each.name: each for module in (grub,) for each in module.MACHINES}
