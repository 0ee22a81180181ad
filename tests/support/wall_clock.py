"""`WallClock`: the time of day of a process, which a test can make jump.

Its other clock, which never jumps, is left alone.
"""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

# What asks for the time of day is told it with an offset, in seconds, from a mapped file.
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t offset(void) {
    static volatile int64_t *shared;
    if (!shared) {
        int fd = open(getenv("WALL_CLOCK_OFFSET"), O_RDONLY);
        shared = mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
    }
    return *shared;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = syscall(SYS_clock_gettime, clock, now);
    if (!done && clock == CLOCK_REALTIME) now->tv_sec += offset();
    return done;
}
time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
"""


class WallClock:
    """A library to be loaded by a process, and the offset that it adds.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None or not sys.platform.startswith("linux"):
            pytest.skip("needs Linux and a C compiler")
        source, library = folder / "wall_clock.c", folder / "wall_clock.so"
        self._offset = folder / "wall_clock.offset"
        source.write_text(SHIM)
        command = [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
        self.jump(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "WALL_CLOCK_OFFSET": str(self._offset),
        }

    def jump(self, seconds: int) -> None:
        """From now on the time of day is `seconds` off the true one."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("<q", seconds))
