# SPDX-License-Identifier: Apache-2.0
"""A terminal, on which a program believes that somebody sits before it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

PATIENCE = 20  # seconds


class Terminal:
    """A program in a terminal of its own. `only_stderr`: the rest goes where `options` say."""

    def __init__(self, args, columns=80, only_stderr=False, **options):
        self.control, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        streams = {"stderr": inside} if only_stderr else dict.fromkeys(("stdin", "stdout", "stderr"), inside)
        self.process = subprocess.Popen([str(arg) for arg in args], start_new_session=True,
                                        preexec_fn=None if only_stderr else self.take_control, **{**streams, **options})
        os.close(inside)
        self.seen = b""

    @staticmethod
    def take_control():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text: str):
        os.write(self.control, text.encode())

    def _read(self, timeout: float) -> bool:
        """False at the end."""
        if not select.select([self.control], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.control, 65536)
        except OSError:  # nobody has the other side open any more
            return False
        self.seen += data
        return bool(data)

    def expect(self, text: str, patience: float = PATIENCE) -> str:
        """Waits for it to be shown; all that was shown up to its end, which is then forgotten."""
        deadline = time.monotonic() + patience
        while text.encode() not in self.seen:
            assert time.monotonic() < deadline, (text, self.seen.decode(errors="replace"))
            assert self._read(0.1) or text.encode() in self.seen, (text, self.seen.decode(errors="replace"))
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode(errors="replace") + text

    def await_sleep(self, patience: float = PATIENCE):
        """Until it waits for what is typed, in poll(2). Of a signal that comes before a program's first wait, ThreadSanitizer may
        forget to call the handler."""
        deadline = time.monotonic() + patience
        while "poll" not in Path(f"/proc/{self.process.pid}/wchan").read_text():
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
            time.sleep(0.01)

    def rest(self, patience: float = PATIENCE) -> str:
        """All that is shown until the program ends."""
        deadline = time.monotonic() + patience
        while self._read(0.1):
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
        self.process.wait(patience)
        return self.seen.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
        os.close(self.control)
