"""What a disk may hold after the power has failed, worked out from what a process wrote to it.

A library that is loaded before the C library writes down, in order, what the process wrote to
its files and when it waited for the disk. From that record `after_power_cut` makes a state that
the disk may be in if the power fails at one moment: all that was synchronised is there; of what
was written since, any part, in units of a sector, in any order.

What this shows: that the program synchronises what it must, in the order that it must. What it
cannot show: a disk that lies about having written, and a file system that loses the names of
files, or their lengths, that were synchronised.
"""

import os
import random
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SECTOR = 512
HEADER = struct.Struct("<cBqI")

# One record an operation: what, which file, where, how long; then the bytes.
RECORDER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int which(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return -1;
    path[n] = 0;
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (!strcmp(name, "o.db")) return 0;
    if (!strcmp(name, "o.db-wal")) return 1;
    if (!strcmp(name, "o.ack")) return 2;
    return -1;
}

static void record(char what, int file, int64_t at, const void *data, uint32_t size) {
    static int log = -1;
    if (log < 0) log = open(getenv("POWER_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    unsigned char head[14];
    head[0] = what;
    head[1] = (unsigned char)file;
    memcpy(head + 2, &at, 8);
    memcpy(head + 10, &size, 4);
    syscall(SYS_write, log, head, 14);
    if (data && size) syscall(SYS_write, log, data, size);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    ssize_t done = real(fd, data, size, at);
    int file = done > 0 ? which(fd) : -1;
    if (file >= 0) record('W', file, at, data, (uint32_t)done);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return pwrite64(fd, data, size, at);
}
ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    int file = which(fd);
    off64_t at = file >= 0 ? lseek64(fd, 0, SEEK_CUR) : 0;
    ssize_t done = real(fd, data, size);
    if (done > 0 && file >= 0) record('W', file, at, data, (uint32_t)done);
    return done;
}
int fsync(int fd) {
    REAL(fsync);
    int done = real(fd), file = which(fd);
    if (!done && file >= 0) record('S', file, 0, 0, 0);
    return done;
}
int fdatasync(int fd) {
    REAL(fdatasync);
    int done = real(fd), file = which(fd);
    if (!done && file >= 0) record('S', file, 0, 0, 0);
    return done;
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    int done = real(fd, size), file = which(fd);
    if (!done && file >= 0) record('T', file, size, 0, 0);
    return done;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
"""


@dataclass(frozen=True)
class Operation:
    """`W`rite of `data` at `at`, `T`runcate to `at`, or `S`ynchronise; of file 0, 1 or 2."""

    what: str
    file: int
    at: int
    data: bytes = b""


@dataclass
class Disk:
    """One file: what is surely there, and what was done since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def apply(self, operation: Operation) -> None:
        """What the process did next."""
        if operation.what != "S":
            self.pending.append(operation)
            return
        for earlier in self.pending:
            _do(self.durable, earlier)
        self.pending = []

    def after_power_cut(self, rng: random.Random) -> bytes:
        """Any part of what is pending, torn between sectors, on top of what is durable."""
        found = bytearray(self.durable)
        likely = rng.choice((0.0, 0.5, 0.9, 1.0))
        for operation in self.pending:
            for part in _sectors(operation):
                if rng.random() < likely:
                    _do(found, part)
        return bytes(found)


def _sectors(operation: Operation) -> list[Operation]:
    if operation.what == "T":
        return [operation]
    parts, at, data = [], operation.at, operation.data
    while data:
        size = SECTOR - at % SECTOR
        parts.append(Operation("W", operation.file, at, data[:size]))
        at, data = at + size, data[size:]
    return parts


def _do(content: bytearray, operation: Operation) -> None:
    end = operation.at + len(operation.data)
    if operation.what == "T":
        del content[operation.at :]
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if operation.what == "W":
        content[operation.at : end] = operation.data


def record_run(folder: Path, script: str, *arguments: str) -> list[Operation]:
    """What the Python program `script` does to o.db, o.db-wal and o.ack in `folder`."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    source, library, log = folder / "power.c", folder / "power.so", folder / "power.log"
    source.write_text(RECORDER)
    command: list[str | Path] = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-w",
        "-o",
        library,
        source,
        "-ldl",
    ]
    subprocess.run(command, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "POWER_LOG": str(log)}
    program = [sys.executable, "-c", script, str(folder), *arguments]
    subprocess.run(program, check=True, env=environment)
    return _read_log(log.read_bytes())


def _read_log(data: bytes) -> list[Operation]:
    found, at = [], 0
    while at < len(data):
        what, file, where, size = HEADER.unpack_from(data, at)
        at += HEADER.size
        found.append(Operation(what.decode(), file, where, data[at : at + size]))
        at += size
    return found
