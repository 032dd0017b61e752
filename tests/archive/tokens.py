"""A software token for the tests: SoftHSM from Debian, in a folder of its own."""

import os
import subprocess
from functools import lru_cache
from pathlib import Path

from archive.keys import Token
from tests.services import find_softhsm_library, new_folder

LABEL = "tests"
PIN = "246813579"


@lru_cache
def software_token() -> Token:
    """Make a token for this process, once: the library reads where it lives when it is loaded."""
    folder = new_folder("softhsm")
    _configure(folder)
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    return Token(module=str(find_softhsm_library()), label=LABEL, pin=PIN)


def _configure(folder: Path) -> None:
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
