"""What a boot loader says of its slots: the words that its readers share."""
import dataclasses


class Lost(Exception):
    """There is no boot state that the boot loader would take."""


@dataclasses.dataclass(frozen=True)
class Slot:
    name: str
    committed: bool
    tries: int  # left of a trial

    def may_boot(self):
        return self.committed or self.tries > 0

    def __str__(self):
        return f"{self.name}:{'good' if self.committed else self.tries}"
