"""`Refuse`: the errors of one file, each with the place in it."""

from dataclasses import dataclass

from edge_agent.common.errors import BundleError


@dataclass(frozen=True)
class Refuse:
    """Refuses a file at one place in it; `place` names both in errors."""

    place: str

    def at(self, where: str) -> "Refuse":
        """The same for a place inside this one."""
        return Refuse(f"{self.place}: {where}")

    def unless(self, holds: bool, expected: object, found: object) -> None:
        """Go on only if something holds.

        Raises:
            BundleError: it does not.
        """
        if not holds:
            raise BundleError(f"{self.place}: expected {expected}, found {found}")

    def index(self, what: str, index: int, count: int) -> None:
        """Go on only if `index` is one of `count`.

        Raises:
            BundleError: it is not.
        """
        self.unless(0 <= index < count, f"{what} of 0 to {count - 1}", index)
