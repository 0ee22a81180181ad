"""`Stillness`: a picture that has not changed for too long is not believed."""


class Stillness:
    """Tells a picture that has stopped: a camera's noise changes some bit in every frame.

    Args:
        after_s: how long it must stand still; None never says so.
    """

    def __init__(self, after_s: float | None) -> None:
        self._after_s = after_s
        self._content: int | None = None
        self._since = 0.0

    def problem(self, content: int | None, at: float) -> str:
        """Why a picture seen at `at` seconds is not believed; empty if it is.

        Args:
            content: a number that is the same for the same picture; None is like no other.
            at: seconds that never go back.
        """
        if self._after_s is None:
            return ""
        if content is None or content != self._content:
            self._content, self._since = content, at
        still_s = at - self._since
        if still_s < self._after_s:
            return ""
        return (
            f"frozen: expected a change within {self._after_s:g} s, found none for {still_s:.0f} s"
        )
