"""A disk that loses its power: ext4 in a file, mounted by a loop device, shut down by the kernel's own ioctl.

`cut` makes the file system stop as it stands on the medium: what was not synced is gone at the next mount. Needs root;
it mounts only below a folder of the tests, and unmounts when it is done.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import services

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
UNMOUNT_LIMIT_S = 15.0
# Of PostgreSQL, for controls. Else its log is on the disk all the same, after a fifth of a second or after each MiB.
WITHOUT_SYNC = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}


@dataclass
class Disk:
    """One small disk of its own."""

    folder: Path
    size_mb: int

    @property
    def root(self) -> Path:
        return self.folder / "mounted"

    def make(self) -> None:
        self.root.mkdir()
        with (self.folder / "disk.img").open("wb") as image:
            image.truncate(self.size_mb * 2**20)
        _run("mkfs.ext4", "-q", "-m", "0", str(self.folder / "disk.img"))
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self.folder / "disk.img"), str(self.root))

    def cut(self) -> None:
        """Take the power away, now."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def unmount(self) -> None:
        """Unmount once nobody holds a file open any more."""
        deadline = time.monotonic() + services.stretched(UNMOUNT_LIMIT_S)
        while subprocess.run(["umount", str(self.root)], capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise services.ServiceFailed(f"{self.root} cannot be unmounted: {self._open_files()}")
            time.sleep(0.1)

    def _open_files(self) -> list[str]:
        """Return what is still open or mapped on the disk, and the process that has it."""
        found = set[str]()
        for folder in (*Path("/proc").glob("[0-9]*/fd"), *Path("/proc").glob("[0-9]*/map_files")):
            with contextlib.suppress(OSError):  # of a process that has just ended
                files = [os.readlink(link) for link in folder.iterdir()]
                found |= {f"{file} by {folder.parts[2]}" for file in files if file.startswith(str(self.root))}
        return sorted(found)

    def fill(self) -> None:
        """Leave nothing of the disk to anybody."""
        with self._ballast.open("wb") as ballast:
            try:
                while True:
                    ballast.write(bytes(2**20))
                    ballast.flush()
            except OSError:
                return

    def empty(self) -> None:
        """Take away again what fills it."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.root / "ballast"


def new_disk(*, size_mb: int) -> Disk:
    """Return a mounted disk, or skip the test, loudly, where there can be none."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("a disk of its own needs root and mkfs.ext4")
    disk = Disk(services.new_folder("disk"), size_mb=size_mb)
    disk.folder.chmod(0o711)  # PostgreSQL runs as somebody else
    try:
        disk.make()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device can be mounted here: {error.stderr.strip()}")
    return disk


def postgres_on(disk: Disk, **settings: str) -> services.PostgresServer:
    """Return a PostgreSQL, started, whose data is on the disk."""
    folder = disk.root / "postgres"
    folder.mkdir()
    server = services.PostgresServer(folder=folder)
    server.prepare()
    configure(server, **settings)
    server.start()
    server.create_database()
    return server


def configure(server: services.PostgresServer, **settings: str) -> None:
    """Add settings that hold from the next start on; they outlive a power cut themselves."""
    with (server.folder / "data" / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        file.flush()
        os.fsync(file.fileno())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
